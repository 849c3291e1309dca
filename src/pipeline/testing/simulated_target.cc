#include "pipeline/testing/simulated_target.h"

#include <utility>

#include "base/status.h"

namespace cdc {

SimulatedTarget::SimulatedTarget(SimulatedChance* chance,
                                 std::function<void(const RowBatch&)> on_write)
    : chance_(chance), on_write_(std::move(on_write)) {}

void SimulatedTarget::Write(const RowBatch& batch, WriteDone done) {
  on_write_(batch);
  calls_.push_back({.batch = batch, .done = std::move(done)});
}

bool SimulatedTarget::Step() {
  if (calls_.empty()) {
    return false;
  }
  const auto which = calls_.begin() + static_cast<std::ptrdiff_t>(chance_->Below(calls_.size()));
  const Call call = std::move(*which);
  calls_.erase(which);
  const size_t how = healthy_ ? 0 : chance_->Below(16);
  if (how < 10) {
    Execute(call.batch, Extent::kAll);
    for (const MessagePtr& message : call.batch.messages) {
      applied_(*message);
    }
    call.done({.status = OkStatus()});
    return true;
  }
  if (how == 10) {
    call.done({.status = Status(StatusCode::kResourceExhausted, "busy"), .in_doubt = false});
    return true;
  }
  if (how < 14) {
    Execute(call.batch, how == 13 ? Extent::kSome : Extent::kAll);
  }
  call.done({.status = UnavailableError("connection lost"), .in_doubt = true});
  return true;
}

void SimulatedTarget::CancelWrites() {
  for (Call& call : std::exchange(calls_, {})) {
    Leave(call.batch);
    call.done({.status = CancelledError("cancelled"), .in_doubt = true});
  }
}

void SimulatedTarget::Crash() {
  for (Call& call : std::exchange(calls_, {})) {
    Leave(call.batch);
  }
}

void SimulatedTarget::Leave(const RowBatch& batch) {
  switch (chance_->Below(4)) {
    case 0: Execute(batch, Extent::kAll); break;
    case 1: Execute(batch, Extent::kSome); break;
    case 2: zombies_.push_back(batch); break;
    default: break;
  }
}

void SimulatedTarget::StepZombie() {
  const auto which =
      zombies_.begin() + static_cast<std::ptrdiff_t>(chance_->Below(zombies_.size()));
  Execute(*which, Extent::kAll);
  zombies_.erase(which);
}

void SimulatedTarget::RunZombies() {
  while (has_zombies()) {
    StepZombie();
  }
}

void SimulatedTarget::Execute(const RowBatch& batch, Extent extent) {
  std::vector<uint64_t> keys;
  for (size_t i = 0; i < batch.messages.size(); ++i) {
    const Message& message = *batch.messages[i];
    keys.clear();
    const KeyColumn column =
        batch.op == RowOp::kDelete
            ? batch.deletes[i]
            : KeyColumn{.is_string = false, .body = message.columns.front().body};
    CDC_CHECK(AppendKeyHashes(column, &keys));
    for (const uint64_t key : keys) {
      if (extent == Extent::kAll || chance_->OneIn(2)) {
        ExecuteRow(batch, message, key);
      }
    }
  }
}

void SimulatedTarget::ExecuteRow(const RowBatch& batch, const Message& message, uint64_t key) {
  SimulatedRows& rows = rows_[batch.target.collection];
  switch (batch.op) {
    case RowOp::kInsert: rows[key].push_back(&message); break;
    case RowOp::kUpsert: rows[key] = {&message}; break;
    case RowOp::kDelete: rows.erase(key); break;
  }
}

}  // namespace cdc
