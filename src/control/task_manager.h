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
#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "control/delayed_executor.h"
#include "control/drain.h"
#include "control/event_log.h"
#include "control/task_view.h"
#include "metastore/meta_store.h"
#include "model/given_position.h"
#include "model/ids.h"
#include "model/takeover.h"
#include "model/task.h"
#include "model/task_plan.h"
#include "model/task_status.h"
#include "pipeline/replication.h"

namespace cdc {

struct ManagedTask;

// Whether the task is paused because of an error, and not because somebody wanted it.
bool IsFailed(const TaskRecord& record);

// The collection that stands for the source's replicate channel in positions.
inline constexpr CollectionId kReplicateChannelCollection{-10};

// How far one collection has got in one source channel.
struct CollectionPosition {
  CollectionId collection;
  std::string channel;
  Timestamp ts;
  MsgId position;
  // Up to where the last of its rows reached, since the server has run the task; unset: none did.
  std::optional<Takeover> last_rows;
};

struct TaskPositions {
  std::vector<CollectionPosition> source;  // sorted by task, collection, channel
  // Where the last rows are in the channels of a standby, since the server has run the task.
  std::vector<CollectionPosition> target;
};

// What a resume also changes, until the next such resume.
struct ResumeOptions {
  std::optional<OnUndecodable> on_undecodable;
  std::optional<Timestamp> stop_at;  // 0: the task goes on without an end
  // From where collections are read from now on, whatever the target has of them. It needs
  // `force`, since rows may come again or be left out.
  std::map<CollectionName, GivenPositions> positions;
  bool force = false;
};

struct TaskManagerOptions {
  MetaStore* store = nullptr;
  Replicator* replicator = nullptr;
  int max_tasks = 100;
  // All tasks are dry runs of this server: one that fails is shown as paused, but stays stored as
  // it was, so that a server that is not dry goes on with it.
  bool dry_run = false;
  bool experimental = true;       // see CheckExperimental
  std::string replicate_channel;  // of the source; empty: none
  // The state of the source now. Checked before a create; a failure is also shown by running tasks
  // that have no problem of their own. Empty: always OK.
  std::function<Status()> source_status;
  BackoffOptions start_backoff{std::chrono::milliseconds(500), std::chrono::milliseconds(30'000)};
  // Keeps the standby of a task supplied with ticks for as long as the result lives, whether the
  // task runs or not. Called for tasks with sink mode replicate. Empty: only running tasks do it.
  std::function<std::shared_ptr<void>(const TaskSpec&)> hold_standby;
  // Gives the connection to the standby of `before`, if there is one, the address and the
  // credentials of `now`, which the standby has accepted. There must never be a second one.
  std::function<Status(const TaskSpec& before, const TaskSpec& now)> change_standby;
  int threads = 8;
  const Clock* clock = &Clock::Real();
};

// All tasks of this server. A task is Initial until its first start, then Running or Paused; a
// state is stored before it is shown.
//
// At server start the Running tasks are started; a start that fails with a retryable error is
// retried with backoff. A task whose replication fails permanently becomes Paused with the reason.
// Operations on one task run one after another; those on different tasks, and List, never wait for
// each other.
//
// Errors of operations: kInvalidArgument, kNotFound, kAlreadyExists (another task replicates it),
// kFailedPrecondition, kOutOfRange: the caller's mistake. kResourceExhausted: there are max_tasks.
// Any other: a failure of the server, the source or the target.
//
// Thread-safe. Store and replicator must outlive it.
class TaskManager {
 public:
  explicit TaskManager(TaskManagerOptions options);
  TaskManager(const TaskManager&) = delete;
  TaskManager& operator=(const TaskManager&) = delete;
  ~TaskManager();

  // Loads the tasks and begins to start those that are running. Call it once, before anything else.
  // Fails only if the store cannot be read.
  Status Start();

  // Stops every replication but keeps the states. Later operations fail. Idempotent.
  void Stop();

  struct Created {
    std::string id;
    SinkMode sink_mode = SinkMode::kAuto;
    std::string sink_mode_reason;
    bool existed = false;  // with that id, before the call
  };
  // Checks the target, chooses the sink mode, stores and starts the task; generates an id if `spec`
  // has none. If a task with that id exists it is returned and nothing else is done.
  Result<Created> Create(TaskSpec spec);
  // What Create would find, the worst first: what is in its way and what would come of it. Stores
  // and changes nothing. A source or a target that does not answer is one of the findings.
  PlanItems Plan(TaskSpec spec);
  Status Delete(const std::string& id, bool ignore_not_found);
  Status Pause(const std::string& id);
  // Returns what the positions mean for the rows of their collections. kFailedPrecondition: also
  // for a task that has reached its `stop_at`, without another one, for one with `stop_at` that
  // still copies stored rows, and for positions without `force`. kInvalidArgument: a new `stop_at`
  // that is not later than the source's present. Errors of positions: see Replicator::Reposition.
  Result<std::vector<ScopeNote>> Resume(const std::string& id, const ResumeOptions& options = {});

  // Makes the request of a task, which comes as it is, what it is to be. An error ends the change.
  // Called once, while no other operation can change the task.
  using SpecChange = std::function<Status(const TaskView& now, TaskSpec* wanted)>;
  // Gives the task another address of its target, or other credentials; one that runs is restarted
  // with them. The other tasks of a standby, which share its connection, write with them from now
  // on, too. A paused task can also cover other collections, by other names, and have other
  // policies; returns what that means for the rows of collections.
  //
  // kInvalidArgument: it is not known to be the same Milvus, or it is another kind of target, or
  // another address of a standby than that of another task; or the errors of Create.
  // kUnauthenticated, kPermissionDenied, kUnavailable: it lets nobody in, or does not answer.
  // kFailedPrecondition: the task must be paused first.
  //
  // Also an error if it is not known whether the change was stored. Then the store says what the
  // task is; until it can be read, no operation on the task succeeds.
  Result<std::vector<ScopeNote>> ChangeTask(const std::string& id, const SpecChange& change);

  // Begins to drain a task, which goes on by itself (TaskView::drain). If it is being drained, that
  // goes on with the new options, and up to the source's present of now. kFailedPrecondition: it
  // does not run. kUnavailable: the source does not answer.
  Result<DrainStatus> Drain(const std::string& id, const DrainOptions& options);
  // Ends a drain and leaves the task running. kFailedPrecondition: there is none to cancel.
  Status CancelDrain(const std::string& id);

  // What is done to collections of a task, which is restarted for it if it runs.
  enum class CollectionChange {
    kRetry,     // those that were set aside go on, or are copied if the queue no longer allows it
    kSetAside,  // they are left where they are
    kCopy,      // their stored rows, or some of them, are copied again, into what is there
    kCancel,    // that is ended; they go on from where they were
  };
  // All names or none. `selection`: of a copy. kNotFound: no such task, or the task has no such
  // collection.
  Status ChangeCollections(const std::string& id,
                           CollectionChange change,
                           const std::vector<CollectionName>& names,
                           const CopySelection& selection = {});

  Result<TaskView> Get(const std::string& id);
  // What happened to the task after the event of this number, oldest first: of the last
  // EventLog::kMaxEvents since the server was started.
  Result<std::vector<TaskEvent>> Events(const std::string& id, uint64_t after);
  // As Get, plus the source's present, which is read before the task's status.
  Result<TaskView> GetWithPresent(const std::string& id);
  // Sorted by id. Never waits for an operation.
  std::vector<TaskView> List();
  // An empty `id` means all tasks; an unknown one yields nothing.
  Result<TaskPositions> Positions(const std::string& id);

  // Retries all pending starts at once, e.g. because the source is back.
  void RetryNow();

 private:
  using TaskPtr = std::shared_ptr<ManagedTask>;

  // nullopt: there is no such task, or it is being created.
  std::optional<Created> FindCreated(const std::string& id);
  TaskPtr Find(const std::string& id) CDC_EXCLUDES(mutex_);
  // Adds `task`, whose `operation` the caller holds, and sets what it leaves to older tasks. If a
  // task with this id exists, returns that one instead.
  Result<TaskPtr> Reserve(const TaskPtr& task) CDC_EXCLUDES(mutex_);
  // Runs `body` as an operation of the task, with the state that it has then. kNotFound: there is
  // no such task any more. kUnavailable: the server stops, or see SettleScope.
  using Body = std::function<Status(const TaskPtr& task, TaskState state)>;
  Status Operate(const std::string& id, const Body& body) CDC_EXCLUDES(mutex_);
  // Whether the target of `changed` is that of `spec`, and can take its place.
  Status CheckNewTarget(const TaskSpec& spec, TaskSpec* changed);
  // Whether the other tasks leave room for the target of `changed`.
  Status CheckTargetBesideOthers(const TaskSpec& changed) const CDC_REQUIRES(mutex_);
  Status ChangeStandby(const TaskSpec& before, const TaskSpec& now) const;
  // What the other tasks mean for a new one; sets what it leaves to older ones.
  PlanItems JudgeTasks(TaskSpec* spec) const CDC_REQUIRES(mutex_);
  void Forget(const TaskPtr& task) CDC_EXCLUDES(mutex_);
  void HoldStandby(const TaskPtr& task) CDC_EXCLUDES(mutex_);

  // Adds to the events what has changed in the status of running tasks, again and again.
  void ObserveTasks();
  void ScheduleObservation();

  // Run by the executor. `number` is that of the drain; later requests have made it void.
  void StepDrain(const TaskPtr& task, uint64_t number);
  void ScheduleDrain(const TaskPtr& task, uint64_t number, std::chrono::milliseconds delay);
  void FinishDrain(const TaskPtr& task, uint64_t number);
  void EndDrain(const TaskPtr& task, uint64_t number, DrainPhase phase, const std::string& reason);
  bool MoveDrain(const TaskPtr& task, uint64_t number, DrainPhase from, DrainPhase to)
      CDC_EXCLUDES(mutex_);

  // Run by the executor: pauses a task with `stop_at` once it is there. `run` is that of its
  // replication. `goal`: once the source is known to have passed that time.
  void StepStop(const TaskPtr& task, uint64_t run, const std::optional<SourcePresent>& goal);
  void ScheduleStop(const TaskPtr& task,
                    uint64_t run,
                    std::optional<SourcePresent> goal,
                    std::chrono::milliseconds delay);
  Result<std::optional<SourcePresent>> FindStopGoal(const TaskView& view);
  void FinishStop(const TaskPtr& task, uint64_t run, const SourcePresent& goal);

  // The caller holds the task's `operation`.
  Status PauseRunning(const TaskPtr& task, const std::string& reason);
  Status TakeTarget(const TaskPtr& task, TaskState state, TaskSpec changed);
  Result<std::vector<ScopeNote>> TakeScope(const TaskPtr& task, TaskSpec changed);
  // The task shows the scope that has been stored. `summary`: of what has changed.
  void ShowScope(const TaskPtr& task, TaskSpec stored, const std::string& summary)
      CDC_EXCLUDES(mutex_);
  // Finds out what became of a change whose outcome is not known; else does nothing. kUnavailable:
  // that is still not known.
  Status SettleScope(const TaskPtr& task) CDC_EXCLUDES(mutex_);
  Result<std::vector<ScopeNote>> ResumePaused(const TaskPtr& task, const ResumeOptions& options);
  Result<std::vector<ScopeNote>> TakePositions(const TaskPtr& task, const ResumeOptions& options);
  Status CheckResume(const TaskPtr& task, std::optional<Timestamp> stop_at);
  Status Launch(const TaskPtr& task, const TargetInfo& target);
  Status StartReplication(const TaskPtr& task);
  void StopReplication(const TaskPtr& task);
  Status StoreState(const TaskPtr& task, TaskState state, const std::string& reason);

  // Run by the executor.
  void ScheduleStart(const TaskPtr& task, std::chrono::milliseconds delay);
  void TryStart(const TaskPtr& task, uint64_t start_number);
  void HandleFailure(const TaskPtr& task, uint64_t run, const std::string& reason);
  Status MakeWantedChanges(const TaskPtr& task);
  void PauseByItself(const TaskPtr& task, const std::string& reason);
  void StorePausedAgain(const TaskPtr& task, const std::string& reason);

  TaskView View(const TaskPtr& task) CDC_EXCLUDES(mutex_);
  TaskPtr Load(const TaskRecord& record);
  Status NotFound(const std::string& id) const;

  const TaskManagerOptions options_;
  Mutex mutex_;  // never held during calls to the store or the replicator
  std::map<std::string, TaskPtr> tasks_ CDC_GUARDED_BY(mutex_);
  bool stopping_ CDC_GUARDED_BY(mutex_) = false;
  DelayedExecutor executor_;  // nothing may be declared after it: its jobs use what is above
};

}  // namespace cdc
