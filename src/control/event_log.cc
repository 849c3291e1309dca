#include "control/event_log.h"

#include <algorithm>
#include <utility>

namespace cdc {
namespace {

constexpr int64_t kSameConditionMs = 30'000;

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::find(names, name) != names.end();
}

}  // namespace

const char* TaskEventKindName(TaskEventKind kind) {
  switch (kind) {
    case TaskEventKind::kCreated: return "created";
    case TaskEventKind::kLoaded: return "loaded";
    case TaskEventKind::kStarted: return "started";
    case TaskEventKind::kPaused: return "paused";
    case TaskEventKind::kResumed: return "resumed";
    case TaskEventKind::kCondition: return "condition";
    case TaskEventKind::kSetAside: return "set_aside";
    case TaskEventKind::kTakenUp: return "taken_up";
    case TaskEventKind::kCopyBegun: return "copy_begun";
    case TaskEventKind::kCopyEnded: return "copy_ended";
    case TaskEventKind::kDrainBegun: return "drain_begun";
    case TaskEventKind::kDrainEnded: return "drain_ended";
  }
  return "";
}

void EventLog::Add(int64_t now_unix_ms, TaskEventKind kind, std::string text) {
  events_.push_back({++last_number_, now_unix_ms, kind, std::move(text)});
  if (events_.size() > kMaxEvents) {
    events_.pop_front();
  }
}

void EventLog::Observe(int64_t now_unix_ms, const TaskStatus& status) {
  ObserveCondition(now_unix_ms, status);
  ObserveCollections(now_unix_ms, status);
}

void EventLog::ObserveCondition(int64_t now_unix_ms, const TaskStatus& status) {
  const bool other = status.condition != condition_;
  const bool other_words =
      status.reason != reason_ && now_unix_ms - condition_told_unix_ms_ >= kSameConditionMs;
  if (!other && !other_words) {
    return;
  }
  condition_ = status.condition;
  reason_ = status.reason;
  condition_told_unix_ms_ = now_unix_ms;
  Add(now_unix_ms, TaskEventKind::kCondition,
      ConditionName(status.condition) + (reason_.empty() ? "" : ": " + reason_));
}

void EventLog::ObserveCollections(int64_t now_unix_ms, const TaskStatus& status) {
  std::vector<std::string> aside;
  for (const SetAsideStatus& each : status.set_aside) {
    aside.push_back(each.collection.ToString());
    if (!Contains(aside_, aside.back())) {
      Add(now_unix_ms, TaskEventKind::kSetAside, aside.back() + ": " + each.reason);
    }
  }
  for (const std::string& name : aside_) {
    if (!Contains(aside, name)) {
      Add(now_unix_ms, TaskEventKind::kTakenUp, name);
    }
  }
  aside_ = std::move(aside);
  std::vector<std::string> copying;
  for (const SnapshotStatus& copy : status.snapshots) {
    const std::string name = copy.collection.ToString();
    if (!copy.done) {
      copying.push_back(name);
      if (!Contains(copying_, name)) {
        Add(now_unix_ms, TaskEventKind::kCopyBegun, name);
      }
    } else if (Contains(copying_, name)) {
      Add(now_unix_ms, TaskEventKind::kCopyEnded,
          name + ", " + std::to_string(copy.rows) + " rows");
    }
  }
  copying_ = std::move(copying);
}

std::vector<TaskEvent> EventLog::After(uint64_t number) const {
  const auto first = std::ranges::find_if(
      events_, [number](const TaskEvent& event) { return event.number > number; });
  return {first, events_.end()};
}

}  // namespace cdc
