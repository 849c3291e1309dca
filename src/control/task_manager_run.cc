// How TaskManager runs a task: its replication, retried starts, failures.
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "control/managed_task.h"
#include "control/shown_status.h"
#include "control/task_manager.h"

namespace cdc {
namespace {

constexpr std::chrono::milliseconds kStoreRetry{1'000};
constexpr std::chrono::seconds kQuietAfterChange{60};

// A stopped task shows the stored checkpoints, from which it would continue: the last one may not
// have been saved. Those that cannot be read are shown as unknown.
void ShowStored(MetaStore& store, const std::string& id, TaskStatus* status) {
  const Result<MetaStore::Progress> progress = store.LoadProgress(id);
  std::map<std::string, ChannelStatus*> channels;
  for (ChannelStatus& channel : status->channels) {
    channel.checkpoint = {};
    channel.position = {};
    channels[channel.channel] = &channel;
  }
  if (!progress.ok()) {
    spdlog::error("cannot load the progress, task={} error={}", id, progress.status().ToString());
    return;
  }
  status->set_aside = SetAsideOf(*progress);
  for (const ChannelCheckpoint& stored : progress->channels) {
    if (const auto found = channels.find(stored.channel); found != channels.end()) {
      found->second->checkpoint = stored.ts;
      found->second->position = stored.position;
    }
  }
}

}  // namespace

Status TaskManager::StartReplication(const TaskPtr& task) {
  CDC_RETURN_IF_ERROR(MakeWantedChanges(task));
  uint64_t run = 0;
  {
    MutexLock lock(mutex_);
    if (stopping_) {
      return StoppingError();
    }
    run = ++task->run;
  }
  const std::weak_ptr<ManagedTask> weak = task;
  // The callback comes from a thread that replication->Stop joins, so the failure is handled by
  // another.
  Result<std::unique_ptr<Replication>> started =
      options_.replicator->Start(task->spec, [this, weak, run](const std::string& reason) {
        executor_.Run(std::chrono::milliseconds(0), [this, weak, run, reason] {
          if (const TaskPtr failed = weak.lock()) {
            HandleFailure(failed, run, reason);
          }
        });
      });
  CDC_RETURN_IF_ERROR(started.status());
  std::shared_ptr<Replication> replication = *std::move(started);
  {
    MutexLock lock(mutex_);
    if (!stopping_) {
      task->replication = std::move(replication);
      task->start_error.clear();
      task->since_unix_ms = options_.clock->UnixMs();
      task->events.Add(task->since_unix_ms, TaskEventKind::kStarted, "");
      if (task->spec.stop_at > Timestamp{} && !options_.dry_run) {
        ScheduleStop(task, run, std::nullopt, std::chrono::milliseconds(500));
      }
      return OkStatus();
    }
  }
  replication->Stop();  // the server's Stop did not see it
  return StoppingError();
}

void TaskManager::StopReplication(const TaskPtr& task) {
  std::shared_ptr<Replication> replication;
  {
    MutexLock lock(mutex_);
    replication = std::exchange(task->replication, nullptr);
    task->ending = replication;
    // Both counters move on: a failure reported by this run and a start scheduled before are stale.
    ++task->run;
    ++task->start_number;
    task->start_error.clear();
  }
  if (replication == nullptr) {
    return;
  }
  replication->Stop();
  TaskStatus status = replication->GetStatus();
  // Only now: until it has stopped, more may have come.
  const TaskChanges wanted = replication->Changes();
  ShowStored(*options_.store, task->spec.id, &status);
  MutexLock lock(mutex_);
  task->past.Add(status.counts);
  task->ending = nullptr;
  task->last_status = std::move(status);
  task->wanted.Add(wanted);
}

Status TaskManager::StoreState(const TaskPtr& task, TaskState state, const std::string& reason) {
  CDC_RETURN_IF_ERROR(options_.store->PutTask({task->spec, state, reason}));
  MutexLock lock(mutex_);
  task->state = task->stored_state = state;
  task->reason = task->stored_reason = reason;
  task->stored = true;
  task->since_unix_ms = options_.clock->UnixMs();
  if (state == TaskState::kPaused) {
    task->events.Add(task->since_unix_ms, TaskEventKind::kPaused, reason);
  }
  return OkStatus();
}

void TaskManager::ScheduleStart(const TaskPtr& task, std::chrono::milliseconds delay) {
  uint64_t number = 0;
  {
    MutexLock lock(mutex_);
    number = ++task->start_number;
  }
  executor_.Run(delay, [this, task, number] { TryStart(task, number); });
}

void TaskManager::TryStart(const TaskPtr& task, uint64_t start_number) {
  const std::string& id = task->spec.id;
  MutexLock operation(task->operation);
  TaskState state{};
  {
    MutexLock lock(mutex_);
    if (stopping_ || task->removed || task->state == TaskState::kPaused ||
        task->replication != nullptr || task->start_number != start_number) {
      return;
    }
    state = task->state;
  }
  Status status =
      // Initial at a server start: a crash interrupted the create after the task was stored.
      state == TaskState::kInitial ? StoreState(task, TaskState::kRunning, "") : OkStatus();
  if (status.ok()) {
    status = StartReplication(task);
  }
  if (status.ok()) {
    task->backoff.Reset();
    spdlog::info("task started, task={}", id);
    return;
  }
  if (!IsRetryable(status) && status.code() != StatusCode::kCancelled) {
    PauseByItself(task, "fail to start task, err: " + status.message());
    return;
  }
  bool news = false;
  {
    MutexLock lock(mutex_);
    if (stopping_) {
      return;
    }
    news = task->start_error != status.message();
    if (task->start_error.empty()) {
      task->since_unix_ms = options_.clock->UnixMs();
    }
    task->start_error = status.message();
  }
  if (news) {
    spdlog::warn("cannot start now, will try again, task={} error={}", id, status.ToString());
  }
  // With the same number: it must not replace a start that was requested meanwhile.
  executor_.Run(task->backoff.Next(), [this, task, start_number] { TryStart(task, start_number); });
}

void TaskManager::HandleFailure(const TaskPtr& task, uint64_t run, const std::string& reason) {
  MutexLock operation(task->operation);
  std::shared_ptr<Replication> replication;
  {
    MutexLock lock(mutex_);
    if (stopping_ || task->removed || task->run != run || task->state == TaskState::kPaused) {
      return;
    }
    replication = task->replication;
  }
  if (replication == nullptr || replication->Changes().empty()) {
    PauseByItself(task, reason);
    return;
  }
  StopReplication(task);
  // One change may lead to the next, again and again.
  const Clock::TimePoint now = options_.clock->Now();
  if (now - task->changed_at > kQuietAfterChange) {
    task->changes.Reset();
  }
  const bool first = task->changes.attempts() == 0;
  const auto delay = task->changes.Next();
  task->changed_at = now;
  ScheduleStart(task, first ? std::chrono::milliseconds(0) : delay);
}

// Makes the changes that the last replication needs. They are kept until that has succeeded,
// whatever happens to the task meanwhile.
Status TaskManager::MakeWantedChanges(const TaskPtr& task) {
  TaskChanges wanted;
  {
    MutexLock lock(mutex_);
    wanted = task->wanted;
  }
  if (wanted.empty()) {
    return OkStatus();
  }
  CDC_RETURN_IF_ERROR(options_.replicator->Change(task->spec, wanted));
  MutexLock lock(mutex_);
  task->wanted = {};
  return OkStatus();
}

void TaskManager::PauseByItself(const TaskPtr& task, const std::string& reason) {
  spdlog::error("task paused, task={} reason={}", task->spec.id, reason);
  const Status stored = options_.dry_run ? UnavailableError("a dry run stores no state")
                                         : StoreState(task, TaskState::kPaused, reason);
  // The task stops and shows the state all the same. If the server restarts before it is stored,
  // the task starts again and meets the same error.
  if (!stored.ok()) {
    {
      MutexLock lock(mutex_);
      task->state = TaskState::kPaused;
      task->reason = reason;
      task->since_unix_ms = options_.clock->UnixMs();
      task->events.Add(task->since_unix_ms, TaskEventKind::kPaused, reason);
    }
    if (!options_.dry_run) {
      spdlog::error("cannot store the state, will try again, task={} error={}", task->spec.id,
                    stored.ToString());
      executor_.Run(kStoreRetry, [this, task, reason] { StorePausedAgain(task, reason); });
    }
  }
  StopReplication(task);
}

void TaskManager::StorePausedAgain(const TaskPtr& task, const std::string& reason) {
  MutexLock operation(task->operation);
  {
    MutexLock lock(mutex_);
    if (stopping_ || task->removed || task->state != TaskState::kPaused || task->reason != reason) {
      return;
    }
  }
  if (!SettleScope(task).ok() ||
      !options_.store->PutTask({task->spec, TaskState::kPaused, reason}).ok()) {
    executor_.Run(kStoreRetry, [this, task, reason] { StorePausedAgain(task, reason); });
    return;
  }
  MutexLock lock(mutex_);
  task->stored_state = TaskState::kPaused;
  task->stored_reason = reason;
}

void TaskManager::RetryNow() {
  std::vector<TaskPtr> waiting;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, task] : tasks_) {
      if (task->stored && task->state == TaskState::kRunning && task->replication == nullptr) {
        waiting.push_back(task);
      }
    }
  }
  for (const TaskPtr& task : waiting) {
    ScheduleStart(task, std::chrono::milliseconds(0));
  }
}

}  // namespace cdc
