#include "control/event_log.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace cdc {
namespace {

constexpr int64_t kSameConditionMs = 30'000;

// Whole characters of UTF-8 only.
void Shorten(std::string* text) {
  constexpr std::string_view kRest = "…";
  if (text->size() <= EventLog::kMaxTextBytes) {
    return;
  }
  size_t end = EventLog::kMaxTextBytes - kRest.size();
  while (end > 0 && (static_cast<unsigned char>((*text)[end]) & 0xC0U) == 0x80U) {
    --end;
  }
  text->resize(end);
  text->append(kRest);
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
    case TaskEventKind::kTargetChanged: return "target_changed";
    case TaskEventKind::kChanged: return "changed";
  }
  return "";
}

void EventLog::Add(int64_t now_unix_ms, TaskEventKind kind, std::string text) {
  Shorten(&text);
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
  std::set<std::string> aside;
  for (const SetAsideStatus& each : status.set_aside) {
    const std::string name = each.collection.ToString();
    if (aside.insert(name).second && !aside_.contains(name)) {
      Add(now_unix_ms, TaskEventKind::kSetAside, name + ": " + each.reason);
    }
  }
  for (const std::string& name : aside_) {
    if (!aside.contains(name)) {
      Add(now_unix_ms, TaskEventKind::kTakenUp, name);
    }
  }
  aside_ = std::move(aside);
  std::set<std::string> copying;
  for (const SnapshotStatus& copy : status.snapshots) {
    const std::string name = copy.collection.ToString();
    if (!copy.done) {
      copying.insert(name);
      if (!copying_.contains(name)) {
        Add(now_unix_ms, TaskEventKind::kCopyBegun, name);
      }
    } else if (copying_.contains(name)) {
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
