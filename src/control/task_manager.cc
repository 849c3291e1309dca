#include "control/task_manager.h"

#include <algorithm>
#include <atomic>
#include <stop_token>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/thread.h"
#include "control/judge_create.h"
#include "control/managed_task.h"
#include "control/shown_status.h"
#include "control/task_id.h"

namespace cdc {
namespace {

constexpr size_t kMaxStopThreads = 16;

}  // namespace

TaskManager::TaskManager(TaskManagerOptions options)
    : options_(std::move(options)), executor_("cdc-start", options_.threads, options_.clock) {}

TaskManager::~TaskManager() { Stop(); }

Status TaskManager::NotFound(const std::string& id) const {
  return NotFoundError("not found the task, task_id: " + id);
}

TaskManager::TaskPtr TaskManager::Find(const std::string& id) {
  MutexLock lock(mutex_);
  const auto found = tasks_.find(id);
  return found == tasks_.end() ? nullptr : found->second;
}

Status TaskManager::Operate(const std::string& id, const Body& body) {
  const TaskPtr task = Find(id);
  if (task == nullptr) {
    return NotFound(id);
  }
  MutexLock operation(task->operation);
  TaskState state{};
  {
    MutexLock lock(mutex_);
    if (task->removed) {
      return NotFound(id);
    }
    if (stopping_) {
      return StoppingError();
    }
    state = task->state;
  }
  CDC_RETURN_IF_ERROR(SettleScope(task));
  return body(task, state);
}

void TaskManager::Forget(const TaskPtr& task) {
  std::shared_ptr<void> standby;  // destroyed after the lock is released: it may take a while
  MutexLock lock(mutex_);
  standby = std::exchange(task->standby, nullptr);
  task->removed = true;
  ++task->start_number;
  tasks_.erase(task->spec.id);
}

void TaskManager::HoldStandby(const TaskPtr& task) {
  if (task->spec.sink_mode != SinkMode::kReplicate || !options_.hold_standby) {
    return;
  }
  std::shared_ptr<void> standby = options_.hold_standby(task->spec);
  MutexLock lock(mutex_);
  task->standby.swap(standby);  // the other one is destroyed after the lock is released
}

TaskManager::TaskPtr TaskManager::Load(const TaskRecord& record) {
  auto task = std::make_shared<ManagedTask>(record.spec, options_.start_backoff);
  task->state = task->stored_state = record.state;
  task->reason = task->stored_reason = record.reason;
  task->stored = true;
  const Result<MetaStore::Progress> progress = options_.store->LoadProgress(record.spec.id);
  if (!progress.ok()) {
    // The start of the task will meet the same error and report it.
    spdlog::error("cannot load the progress, task={} error={}", record.spec.id,
                  progress.status().ToString());
    return task;
  }
  task->last_status = StatusOf(*progress);
  return task;
}

Status TaskManager::Start() {
  CDC_ASSIGN_OR_RETURN(const std::vector<TaskRecord> records, options_.store->ListTasks());
  std::vector<TaskPtr> loaded;
  for (const TaskRecord& record : records) {
    loaded.push_back(Load(record));
    HoldStandby(loaded.back());
    MutexLock lock(mutex_);
    loaded.back()->events.Add(
        options_.clock->UnixMs(), TaskEventKind::kLoaded,
        "the server was started; the task was " + std::string(TaskStateName(record.state)));
    tasks_[record.spec.id] = loaded.back();
  }
  for (const TaskPtr& task : loaded) {
    MutexLock operation(task->operation);
    if (task->state == TaskState::kPaused) {
      continue;
    }
    if (task->spec.disable_auto_start) {
      PauseByItself(task, kAutoStartDisabled);
      continue;
    }
    ScheduleStart(task, std::chrono::milliseconds(0));
  }
  ScheduleObservation();
  spdlog::info("tasks loaded, count={}", loaded.size());
  return OkStatus();
}

void TaskManager::Stop() {
  std::vector<std::shared_ptr<Replication>> replications;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    for (const auto& [id, task] : tasks_) {
      if (task->replication != nullptr) {
        replications.push_back(task->replication);
      }
    }
  }
  std::atomic<size_t> next{0};
  {
    // Without the lock, and in parallel: each stop waits for calls in flight and saves a
    // checkpoint.
    std::vector<Thread> threads;
    for (size_t i = 0; i < std::min(kMaxStopThreads, replications.size()); ++i) {
      threads.emplace_back("cdc-stop-" + std::to_string(i), [&](const std::stop_token&) {
        for (size_t at = next++; at < replications.size(); at = next++) {
          replications[at]->Stop();
        }
      });
    }
  }
  executor_.Stop();
}

Result<TaskManager::TaskPtr> TaskManager::Reserve(const TaskPtr& task) {
  MutexLock lock(mutex_);
  if (stopping_) {
    return StoppingError();
  }
  const auto found = tasks_.find(task->spec.id);
  if (found != tasks_.end()) {
    return found->second;
  }
  // Comparing scopes and adding the task must be one step: two creates at once could both miss the
  // other.
  CDC_RETURN_IF_ERROR(FirstRefusal(JudgeTasks(&task->spec)));
  tasks_[task->spec.id] = task;
  return TaskPtr();
}

std::optional<TaskManager::Created> TaskManager::FindCreated(const std::string& id) {
  const TaskPtr task = Find(id);
  MutexLock lock(mutex_);
  if (task == nullptr || !task->stored || task->removed) {
    return std::nullopt;
  }
  return Created{id, task->spec.sink_mode, task->spec.sink_mode_reason, true};
}

Result<TaskManager::Created> TaskManager::Create(TaskSpec spec) {
  if (options_.source_status) {
    const Status source = options_.source_status();
    if (!source.ok()) {
      // Nothing would be changed, and nothing can be checked: a client that repeats its request
      // gets the same answer.
      const std::optional<Created> known = FindCreated(spec.id);
      return known ? Result<Created>(*known) : UnavailableError(source.message());
    }
  }
  const Result<TargetInfo> target = options_.replicator->CheckTarget(spec.target);
  CDC_RETURN_IF_ERROR(FirstRefusal(JudgeTarget(spec, target)));
  // A client that repeats its request gets the same answer, whatever the rest of it says.
  if (std::optional<Created> known = FindCreated(spec.id)) {
    return *std::move(known);
  }
  CDC_RETURN_IF_ERROR(FirstRefusal(JudgeSink(*target, &spec)));
  if (spec.id.empty()) {
    spec.id = NewTaskId();
  }
  for (;;) {
    TaskPtr existing;
    {
      const auto task = std::make_shared<ManagedTask>(spec, options_.start_backoff);
      MutexLock operation(task->operation);
      CDC_ASSIGN_OR_RETURN(existing, Reserve(task));
      if (existing == nullptr) {
        CDC_RETURN_IF_ERROR(Launch(task, *target));
        spdlog::info("task created, task={} target={} sink_mode={}: {}", spec.id,
                     spec.target.ResolvedUri(), SinkModeName(spec.sink_mode),
                     spec.sink_mode_reason);
        return Created{spec.id, spec.sink_mode, spec.sink_mode_reason, false};
      }
    }
    // Another request is creating it, or has: its outcome is only known once its operation ends.
    MutexLock operation(existing->operation);
    MutexLock lock(mutex_);
    // Removed: the other create failed and the id is free again, so try once more.
    if (!existing->removed) {
      return Created{spec.id, existing->spec.sink_mode, existing->spec.sink_mode_reason, true};
    }
  }
}

Status TaskManager::Launch(const TaskPtr& task, const TargetInfo& target) {
  const std::string& id = task->spec.id;
  const auto launch = [&]() -> Status {
    CDC_RETURN_IF_ERROR(FirstRefusal(JudgeEnd(options_.experimental, task->spec)));
    CDC_RETURN_IF_ERROR(FirstRefusal(JudgePositions(task->spec)));
    // Progress is stored before the task: after a crash in between it is an orphan that the store
    // removes at its next start.
    const Status prepared = options_.replicator->Prepare(task->spec, target);
    if (!prepared.ok()) {
      return IsCallersFault(prepared) ? prepared : OurFault(prepared.message());
    }
    const auto stored = [](const Status& status) {
      return status.ok() ? status
                         : OurFault("fail to put the task info to etcd: " + status.message());
    };
    CDC_RETURN_IF_ERROR(stored(StoreState(task, TaskState::kInitial, "")));
    HoldStandby(task);
    {
      MutexLock lock(mutex_);
      task->events.Add(options_.clock->UnixMs(), TaskEventKind::kCreated,
                       "to " + task->spec.target.ResolvedUri());
    }
    const Status started = StartReplication(task);
    if (!started.ok()) {
      return OurFault("fail to start task, err: " + started.message());
    }
    return stored(StoreState(task, TaskState::kRunning, ""));
  };
  Status status = launch();
  if (!status.ok()) {
    StopReplication(task);
    Forget(task);
    const Status deleted = options_.store->DeleteTask(id);
    if (!deleted.ok()) {
      spdlog::error("cannot delete a task that could not be started, task={} error={}", id,
                    deleted.ToString());
    }
  }
  return status;
}

}  // namespace cdc
