#include "progress/condition_board.h"

#include <algorithm>
#include <tuple>

namespace cdc {

void ConditionBoard::Set(const std::string& part, const Status& status) {
  SetState(part, Condition::kRetrying, status);
}

void ConditionBoard::SetWaiting(const std::string& part, const Status& status) {
  SetState(part, Condition::kWaiting, status);
}

void ConditionBoard::SetState(const std::string& part, Condition state, const Status& status) {
  MutexLock lock(mutex_);
  if (status.ok()) {
    entries_.erase(part);
    return;
  }
  // An existing entry keeps its time, even if the reason changes.
  const auto [entry, added] = entries_.try_emplace(part, Entry{state, "", clock_->UnixMs()});
  entry->second.state = state;
  errors_ += state == Condition::kRetrying ? 1 : 0;
  ++entry->second.attempts;
  entry->second.reason = part + ": " + status.ToString();
}

bool ConditionBoard::Fail(const std::string& reason) {
  MutexLock lock(mutex_);
  if (!failure_.empty()) {
    return false;
  }
  ++errors_;
  failure_ = reason;
  failed_at_ = clock_->UnixMs();
  return true;
}

void ConditionBoard::SetIdle(const std::string& reason) {
  MutexLock lock(mutex_);
  if (idle_.empty()) {
    idle_since_ = clock_->UnixMs();
  }
  idle_ = reason;
}

uint64_t ConditionBoard::errors() const {
  MutexLock lock(mutex_);
  return errors_;
}

ConditionBoard::View ConditionBoard::IdleView() const {
  if (idle_.empty()) {
    return {};
  }
  return {.state = Condition::kWaiting,
          .reason = idle_,
          .since_unix_ms = idle_since_,
          .attempts = 0,
          .idle = true};
}

ConditionBoard::View ConditionBoard::Current() const {
  MutexLock lock(mutex_);
  if (!failure_.empty()) {
    return {.state = Condition::kFailed,
            .reason = failure_,
            .since_unix_ms = failed_at_,
            .attempts = 1};
  }
  if (entries_.empty()) {
    return IdleView();
  }
  // Condition is ordered by severity.
  const auto shown =
      std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
        return std::tuple(-static_cast<int>(a.second.state), a.second.since_unix_ms) <
               std::tuple(-static_cast<int>(b.second.state), b.second.since_unix_ms);
      });
  return {.state = shown->second.state,
          .reason = shown->second.reason,
          .since_unix_ms = shown->second.since_unix_ms,
          .attempts = shown->second.attempts};
}

}  // namespace cdc
