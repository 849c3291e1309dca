#include "progress/task_checkpoints.h"

#include <algorithm>

#include <spdlog/spdlog.h>

namespace cdc {
namespace {

// A save that only moves the checkpoint past ticks spares little work after a crash.
constexpr std::chrono::seconds kSaveIdle{10};

// Whether it differs from what the store assumes about a channel without a checkpoint.
bool IsWorthSaving(const ChannelCheckpoint& checkpoint) {
  return checkpoint.ts != Timestamp{} || !checkpoint.position.empty() ||
         !checkpoint.applied.empty() || checkpoint.horizon != Timestamp{};
}

}  // namespace

std::vector<ChannelCheckpoint> TaskCheckpoints::CollectCheckpoints() {
  // Read the counter before the checkpoints: an acknowledgement in between is saved now and counts
  // as unsaved, which costs one more save. The other order would leave it unsaved.
  const auto now = parts_.clock->Now();
  const uint64_t acknowledged = parts_.source->acknowledged();
  if (acknowledged == saved_acknowledged_ && now < save_again_ && !saving_failed_ &&
      !parts_.horizon->wanted()) {
    return {};
  }
  std::vector<ChannelCheckpoint> checkpoints;
  for (ChannelProgress& each : parts_.source->Checkpoints()) {
    ChannelCheckpoint& saved = each.saved;
    saved.horizon = std::max(saved.horizon, parts_.horizon->Next(saved.channel, each.resolved));
    if (IsWorthSaving(saved)) {
      checkpoints.push_back(std::move(saved));
    }
  }
  if (checkpoints.empty()) {
    // save_again_ stays, so that the first checkpoint is saved as soon as there is one. Rows may
    // wait for the horizon of a channel that is not among the checkpoints yet: the next round looks
    // again.
    parts_.horizon->OnNothingToSave();
    return {};
  }
  AddKeys(&checkpoints);
  saved_acknowledged_ = acknowledged;
  save_again_ = now + kSaveIdle;
  return checkpoints;
}

// After the checkpoints were taken: what they say is applied was remembered before it was sent.
void TaskCheckpoints::AddKeys(std::vector<ChannelCheckpoint>* checkpoints) const {
  if (parts_.keys != nullptr && !checkpoints->empty()) {
    checkpoints->front().log_keys = parts_.keys->Unsaved();
  }
}

void TaskCheckpoints::OnSaved(const Status& status) {
  // After a failure every round of the saver tries again: saving_failed_ makes CollectCheckpoints
  // skip its checks.
  parts_.conditions->Set("checkpoint", status);
  if (!status.ok() && !saving_failed_) {
    spdlog::warn("task={} checkpoint: {}; retrying", parts_.task_id, status.ToString());
  }
  saving_failed_ = !status.ok();
  if (status.ok() && parts_.keys != nullptr) {
    parts_.keys->OnSaved();
  }
  if (parts_.horizon->OnSaved(status.ok())) {
    parts_.on_horizon();
  }
}

std::vector<ChannelCheckpoint> TaskCheckpoints::FinalCheckpoints(bool doubt_left) const {
  std::vector<ChannelCheckpoint> checkpoints;
  for (ChannelProgress& each : parts_.source->Checkpoints()) {
    ChannelCheckpoint& saved = each.saved;
    const Timestamp durable = parts_.horizon->Durable(saved.channel);
    if (doubt_left) {
      saved.horizon = std::max(saved.horizon, durable);
    }
    // A checkpoint without content must still replace a stored one that has a horizon.
    if (durable != Timestamp{} || IsWorthSaving(saved)) {
      checkpoints.push_back(std::move(saved));
    }
  }
  AddKeys(&checkpoints);
  return checkpoints;
}

}  // namespace cdc
