#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/mutex.h"
#include "base/status.h"
#include "control/delayed_executor.h"
#include "metastore/meta_store.h"
#include "model/task.h"
#include "pipeline/replication.h"

namespace cdc {

struct ManagedTask;

// A task as it is now: what is stored of it and what it does. For a task that does not run the
// condition is "paused", "retrying" (its start is tried again) or "waiting" (for its first start),
// lags are 0 and mean nothing, and the channels are those of its checkpoint.
struct TaskView {
  TaskRecord record;
  TaskStatus status;
  bool live = false;                     // a replication is there; its lags and counts are measured
  std::optional<SourcePresent> present;  // only if asked for
};

// How far one collection has come in one source channel.
struct CollectionPosition {
  CollectionId collection;
  std::string channel;
  Timestamp ts;
  MsgId position;
};

struct TaskManagerOptions {
  MetaStore* store = nullptr;
  Replicator* replicator = nullptr;
  int max_tasks = 100;
  // Whether the source is well now; asked before a create, and told by every running task that
  // itself has nothing to complain of. Empty: always.
  std::function<Status()> source_status;
  BackoffOptions start_backoff{std::chrono::milliseconds(500), std::chrono::milliseconds(30'000)};
  // Keeps the standby of a task answering as long as the result lives, whether the task runs or
  // not; asked for tasks with the sink mode replicate. Empty: running tasks do it alone.
  std::function<std::shared_ptr<void>(const TaskSpec&)> hold_standby;
  int threads = 8;
  std::function<int64_t()> now_unix_ms;  // empty: the system's clock
};

// All tasks of this server. A task is Initial until its first start, then Running or Paused; the
// state is stored before it is shown.
//
// Running tasks are started when the server starts, and again, with growing pauses, as long as that
// fails for a reason that may pass. A task whose replication fails for good becomes Paused with the
// reason. Operations of one task go one after another; those of different tasks, and the listing,
// never wait for each other.
//
// Errors of operations: kInvalidArgument, kNotFound, kFailedPrecondition, kOutOfRange: the caller's
// fault; any other: ours, or of the world. Thread-safe. Store and replicator must outlive it.
class TaskManager {
 public:
  explicit TaskManager(TaskManagerOptions options);
  TaskManager(const TaskManager&) = delete;
  TaskManager& operator=(const TaskManager&) = delete;
  ~TaskManager();

  // Loads the tasks and begins to start those that run; once, before anything else. Fails only if
  // the store cannot be read.
  Status Start();

  // Stops every replication, their states stay. Later operations fail. Idempotent.
  void Stop();

  struct Created {
    std::string id;
    SinkMode sink_mode = SinkMode::kAuto;
    std::string sink_mode_reason;
  };
  // Checks the target, chooses the sink mode, stores and starts the task; gives it an id if `spec`
  // has none. If a task of that id exists already nothing is done, and that one is returned.
  Result<Created> Create(TaskSpec spec);
  Status Delete(const std::string& id, bool ignore_not_found);
  Status Pause(const std::string& id);
  // With `on_undecodable` the task has that policy from now on.
  Status Resume(const std::string& id, std::optional<OnUndecodable> on_undecodable = std::nullopt);

  Result<TaskView> Get(const std::string& id);
  // The same with where the source is now, which is asked first.
  Result<TaskView> GetWithPresent(const std::string& id);
  // By id. Never waits for an operation.
  std::vector<TaskView> List();
  // Ordered by task, collection, channel; of all tasks if `id` is empty, nothing of an unknown one.
  Result<std::vector<CollectionPosition>> Positions(const std::string& id);

  // Tries at once to start what waits to be started: the source has come back.
  void RetryNow();

 private:
  using TaskPtr = std::shared_ptr<ManagedTask>;

  TaskPtr Find(const std::string& id) CDC_EXCLUDES(mutex_);
  // Makes room for `task`, whose lock the caller holds, and fixes its exclusions; returns the task
  // of the same id instead if there is one.
  Result<TaskPtr> Reserve(const TaskPtr& task) CDC_EXCLUDES(mutex_);
  void Forget(const TaskPtr& task) CDC_EXCLUDES(mutex_);
  void HoldStandby(const TaskPtr& task) CDC_EXCLUDES(mutex_);

  // With the task's lock held.
  Status Launch(const TaskPtr& task, const TargetInfo& target);
  Status StartReplication(const TaskPtr& task);
  void StopReplication(const TaskPtr& task);
  Status StoreState(const TaskPtr& task, TaskState state, const std::string& reason);

  // Jobs of the executor.
  void ScheduleStart(const TaskPtr& task, std::chrono::milliseconds delay);
  void TryStart(const TaskPtr& task, uint64_t start_number);
  void HandleFailure(const TaskPtr& task, uint64_t run, const std::string& reason);
  void PauseByItself(const TaskPtr& task, const std::string& reason);
  void StorePausedAgain(const TaskPtr& task, const std::string& reason);

  TaskView View(const TaskPtr& task) CDC_EXCLUDES(mutex_);
  TaskPtr Load(const TaskRecord& record);
  Status NotFound(const std::string& id) const;
  int64_t Now() const;

  const TaskManagerOptions options_;
  Mutex mutex_;  // never held during a call of the store or the replicator
  std::map<std::string, TaskPtr> tasks_ CDC_GUARDED_BY(mutex_);
  bool stopping_ CDC_GUARDED_BY(mutex_) = false;
  DelayedExecutor executor_;  // nothing may be declared after it: its jobs use what is above
};

}  // namespace cdc
