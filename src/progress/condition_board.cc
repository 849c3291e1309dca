#include "progress/condition_board.h"

#include <algorithm>
#include <tuple>

namespace cdc {

void ConditionBoard::Set(const std::string& part, const Status& status) {
  SetState(part, "retrying", status);
}

void ConditionBoard::SetWaiting(const std::string& part, const Status& status) {
  SetState(part, "waiting", status);
}

void ConditionBoard::SetState(const std::string& part,
                              const std::string& state,
                              const Status& status) {
  MutexLock lock(mutex_);
  if (status.ok()) {
    entries_.erase(part);
    return;
  }
  const auto [entry, added] = entries_.try_emplace(part, Entry{"", "", NowUnixMs()});
  entry->second.state = state;
  ++entry->second.attempts;
  entry->second.reason = part + ": " + status.ToString();
}

bool ConditionBoard::Fail(const std::string& reason) {
  MutexLock lock(mutex_);
  if (!failure_.empty()) {
    return false;
  }
  failure_ = reason;
  failed_at_ = NowUnixMs();
  return true;
}

void ConditionBoard::SetIdle(const std::string& reason) {
  MutexLock lock(mutex_);
  if (idle_.empty()) {
    idle_since_ = NowUnixMs();
  }
  idle_ = reason;
}

ConditionBoard::Condition ConditionBoard::NothingInTheWay() const {
  if (idle_.empty()) {
    return {};
  }
  return {.state = "waiting",
          .reason = idle_,
          .since_unix_ms = idle_since_,
          .attempts = 0,
          .idle = true};
}

ConditionBoard::Condition ConditionBoard::Current() const {
  MutexLock lock(mutex_);
  if (!failure_.empty()) {
    return {.state = "failed", .reason = failure_, .since_unix_ms = failed_at_, .attempts = 1};
  }
  if (entries_.empty()) {
    return NothingInTheWay();
  }
  const auto oldest =
      std::min_element(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) {
        // What is being retried comes before what waits: it keeps rows from moving.
        return std::tuple(a.second.state, a.second.since_unix_ms) <
               std::tuple(b.second.state, b.second.since_unix_ms);
      });
  return {.state = oldest->second.state,
          .reason = oldest->second.reason,
          .since_unix_ms = oldest->second.since_unix_ms,
          .attempts = oldest->second.attempts};
}

bool ConditionBoard::failed() const {
  MutexLock lock(mutex_);
  return !failure_.empty();
}

}  // namespace cdc
