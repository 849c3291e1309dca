#include "progress/task_checkpoints.h"

#include <algorithm>

#include <spdlog/spdlog.h>

namespace cdc {
namespace {

// A checkpoint that only ticks have moved saves little work after a crash.
constexpr std::chrono::seconds kSaveIdle{10};

// Whether the store has to know of it.
bool Tells(const ChannelCheckpoint& checkpoint) {
  return checkpoint.ts != Timestamp{} || !checkpoint.position.empty() ||
         !checkpoint.applied.empty() || checkpoint.horizon != Timestamp{};
}

}  // namespace

std::vector<ChannelCheckpoint> TaskCheckpoints::CollectCheckpoints() {
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
    if (Tells(saved)) {
      checkpoints.push_back(std::move(saved));
    }
  }
  if (checkpoints.empty()) {
    // The first one is saved as soon as there is one; rows that wait are of nobody by now.
    parts_.horizon->OnSaved(true);
    return {};
  }
  saved_acknowledged_ = acknowledged;
  save_again_ = now + kSaveIdle;
  return checkpoints;
}

void TaskCheckpoints::OnSaved(const Status& status) {
  parts_.conditions->Set("checkpoint", status);
  if (!status.ok() && !saving_failed_) {
    spdlog::warn("task={} checkpoint: {}; retrying", parts_.task_id, status.ToString());
  }
  saving_failed_ = !status.ok();
  if (parts_.horizon->OnSaved(status.ok())) {
    parts_.on_horizon();
  }
}

std::vector<ChannelCheckpoint> TaskCheckpoints::Last(bool doubt_left) const {
  std::vector<ChannelCheckpoint> checkpoints;
  for (ChannelProgress& each : parts_.source->Checkpoints()) {
    ChannelCheckpoint& saved = each.saved;
    const Timestamp durable = parts_.horizon->Durable(saved.channel);
    if (doubt_left) {
      saved.horizon = std::max(saved.horizon, durable);
    }
    if (durable != Timestamp{} || Tells(saved)) {
      checkpoints.push_back(std::move(saved));
    }
  }
  return checkpoints;
}

}  // namespace cdc
