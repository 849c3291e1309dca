#pragma once

#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "model/condition.h"
#include "model/task_status.h"

namespace cdc {

// What happened to a task, and when.
enum class TaskEventKind {
  kCreated,
  kLoaded,     // by a server that was started; the task was there before
  kStarted,    // it replicates
  kPaused,     // by hand, by a drain, or because of an error: the text says why
  kResumed,    // by hand
  kCondition,  // what it shows as its condition has changed
  kSetAside,   // a collection is left where it is
  kTakenUp,    // it goes on
  kCopyBegun,  // of the stored rows of a collection
  kCopyEnded,  // they are all on the target
  kDrainBegun,
  kDrainEnded,
  kTargetChanged,  // its address or credentials, by hand
  kChanged,        // what it covers or how, by hand
};

// "created", "loaded", …, "changed".
const char* TaskEventKindName(TaskEventKind kind);

struct TaskEvent {
  uint64_t number = 0;  // rises by one from event to event of a task
  int64_t unix_ms = 0;
  TaskEventKind kind = TaskEventKind::kCreated;
  std::string text;  // for people
};

// The last events of a task, and what of its status they have told already. Kept in memory: a
// server that is started begins anew. Not thread-safe.
class EventLog {
 public:
  static constexpr size_t kMaxEvents = 200;
  static constexpr size_t kMaxTextBytes = 2048;  // of an event; the rest is left out

  void Add(int64_t now_unix_ms, TaskEventKind kind, std::string text);

  // Adds what is new in the condition, the copies and the collections set aside of the running
  // task. A condition that stays, with other words, is told twice a minute at most: it may change
  // with every attempt.
  void Observe(int64_t now_unix_ms, const TaskStatus& status);

  // Those with a higher number than `number`, oldest first.
  std::vector<TaskEvent> After(uint64_t number) const;

 private:
  void ObserveCondition(int64_t now_unix_ms, const TaskStatus& status);
  void ObserveCollections(int64_t now_unix_ms, const TaskStatus& status);

  std::deque<TaskEvent> events_;
  uint64_t last_number_ = 0;
  Condition condition_ = Condition::kOk;
  std::string reason_;
  int64_t condition_told_unix_ms_ = 0;
  std::set<std::string> aside_;    // names
  std::set<std::string> copying_;  // likewise
};

}  // namespace cdc
