#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "control/drain.h"
#include "control/event_log.h"
#include "control/same_target.h"
#include "metastore/meta_store.h"
#include "model/task.h"
#include "model/task_status.h"
#include "pipeline/replication.h"

namespace cdc {

// Why a task is paused although nothing is wrong.
inline constexpr const char* kPausedByHand = "manually pause through http interface";
inline constexpr const char* kAutoStartDisabled = "the task is disabled auto start";
// Followed by the time.
inline constexpr const char* kDrained = "drained up to ";
inline constexpr const char* kStoppedAt = "has reached its stop_at ";

// TaskManager's state of one task; part of its implementation.
struct ManagedTask {
  ManagedTask(TaskSpec task_spec, const BackoffOptions& backoff_options)
      : spec(std::move(task_spec)), backoff(backoff_options), changes(backoff_options) {}

  // Serializes the task's operations. Lock it before TaskManager::mutex_, never after.
  Mutex operation;
  // Once the task is in tasks_, only a resume and a change of the task change it, and they hold
  // TaskManager::mutex_ as well.
  TaskSpec spec;
  // What is being stored in its place; afterwards, as long as it is not known whether that has
  // succeeded. Guarded as `spec`.
  std::optional<TaskSpec> wanted_spec;
  // Guarded by `operation`.
  Backoff backoff;
  Backoff changes;  // of restarts for changes, which may lead to the next one
  Clock::TimePoint changed_at;

  // Guarded by TaskManager::mutex_; changed only while holding `operation` too.
  TaskState state = TaskState::kInitial;
  std::string reason;
  bool stored = false;  // until then the task is not visible
  // What is stored. It differs from what is shown if the task failed in a dry run, or if that could
  // not be stored yet.
  TaskState stored_state = TaskState::kInitial;
  std::string stored_reason;
  bool removed = false;
  std::shared_ptr<Replication> replication;
  std::shared_ptr<Replication> ending;  // until its counts are part of `past`
  std::shared_ptr<void> standby;        // keeps the standby answering
  uint64_t run = 0;           // counts replications: identifies a late failure of an old one
  uint64_t start_number = 0;  // counts scheduled starts: only the newest is carried out
  TaskChanges wanted;         // what the last replication needs changed before the next start
  std::string start_error;    // why the last start failed, while it is retried
  int64_t since_unix_ms = 0;
  EventLog events;
  std::optional<DrainStatus> drain;  // the last one
  DrainOptions drain_options;
  Clock::TimePoint drain_deadline;
  uint64_t drain_number = 0;  // counts requests: only the newest is carried out
  TaskStatus last_status;     // of the last replication, or as stored
  TaskCounts past;            // of all ended replications
};

// The other tasks that write to the target of `spec`, by id. A dry run writes to no name, so it
// keeps nobody from one. A task that is being changed counts as it was and as it may become. The
// caller holds TaskManager::mutex_.
inline std::vector<const TaskSpec*> SiblingsOf(
    const std::map<std::string, std::shared_ptr<ManagedTask>>& tasks, const TaskSpec& spec) {
  std::vector<const TaskSpec*> siblings;
  for (const auto& [id, other] : tasks) {
    if (id != spec.id && !other->spec.dry_run && IsSameTarget(other->spec, spec)) {
      siblings.push_back(&other->spec);
      if (other->wanted_spec) {
        siblings.push_back(&*other->wanted_spec);
      }
    }
  }
  return siblings;
}

// The caller's mistakes keep their code.
inline bool IsCallersFault(const Status& status) {
  return status.code() == StatusCode::kInvalidArgument ||
         status.code() == StatusCode::kFailedPrecondition ||
         status.code() == StatusCode::kOutOfRange;
}

// For what is not the caller's mistake, whatever its code was.
inline Status OurFault(std::string message) { return InternalError(std::move(message)); }

inline Status StoppingError() { return UnavailableError("the server is stopping"); }

}  // namespace cdc
