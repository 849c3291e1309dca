// How TaskManager pauses, resumes and deletes tasks.
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include <spdlog/spdlog.h>

#include "control/judge_create.h"
#include "control/managed_task.h"
#include "control/stop_at.h"
#include "control/task_manager.h"

namespace cdc {

bool IsFailed(const TaskRecord& record) {
  return record.state == TaskState::kPaused && record.reason != kPausedByHand &&
         record.reason != kAutoStartDisabled && !record.reason.starts_with(kDrained) &&
         !record.reason.starts_with(kStoppedAt);
}

Status TaskManager::Pause(const std::string& id) {
  return Operate(id, [&](const TaskPtr& task, TaskState state) {
    if (state == TaskState::kPaused) {
      return FailedPreconditionError("the task has paused, task_id: " + id);
    }
    if (state != TaskState::kRunning) {
      return OurFault("fail to update the task state, task_id: " + id +
                      ": the task state can be only set to [Paused] when current state is "
                      "[Running], but current state is Initial. You can retry it.");
    }
    return PauseRunning(task, kPausedByHand);
  });
}

Status TaskManager::PauseRunning(const TaskPtr& task, const std::string& reason) {
  // Store it first: if we crash after that, the task is not started again.
  const Status stored = StoreState(task, TaskState::kPaused, reason);
  if (!stored.ok()) {
    return OurFault("fail to update the task state, task_id: " + task->spec.id + ": " +
                    stored.message());
  }
  StopReplication(task);
  spdlog::info("task paused, task={} reason={}", task->spec.id, reason);
  return OkStatus();
}

Status TaskManager::Resume(const std::string& id, const ResumeOptions& options) {
  return Operate(id, [&](const TaskPtr& task, TaskState state) {
    if (state == TaskState::kRunning) {
      return FailedPreconditionError("the task has running, task_id: " + id);
    }
    if (options.stop_at.value_or(Timestamp{}) > Timestamp{}) {
      CDC_RETURN_IF_ERROR(CheckExperimental(options_.experimental, "stop_at"));
    }
    return ResumePaused(task, options);
  });
}

Status TaskManager::ResumePaused(const TaskPtr& task, const ResumeOptions& options) {
  const std::string& id = task->spec.id;
  OnUndecodable on_undecodable = options.on_undecodable.value_or(task->spec.on_undecodable);
  Timestamp stop_at = options.stop_at.value_or(task->spec.stop_at);
  // Only these: others may be read without the lock.
  const auto exchange = [&] {
    std::swap(task->spec.on_undecodable, on_undecodable);
    std::swap(task->spec.stop_at, stop_at);
  };
  {
    MutexLock lock(mutex_);
    CDC_RETURN_IF_ERROR(CheckEnd({task->spec, task->state, task->reason},
                                 task->last_status.channels, options.stop_at));
    exchange();
  }
  const auto undo = [&] {
    MutexLock lock(mutex_);
    exchange();
  };
  // Start before storing: if that fails, or we crash in between, the task is still paused.
  const Status started = StartReplication(task);
  if (!started.ok()) {
    undo();
    return OurFault("fail to start the task, task_id: " + id + ": " + started.message());
  }
  const Status stored = StoreState(task, TaskState::kRunning, "");
  if (!stored.ok()) {
    StopReplication(task);
    undo();
    return OurFault("fail to update the task state, task_id: " + id + ": " + stored.message());
  }
  task->backoff.Reset();
  {
    MutexLock lock(mutex_);
    task->events.Add(options_.clock->UnixMs(), TaskEventKind::kResumed, "");
  }
  spdlog::info("task resumed, task={}", id);
  return OkStatus();
}

Status TaskManager::Delete(const std::string& id, bool ignore_not_found) {
  const Status deleted = Operate(id, [&](const TaskPtr& task, TaskState state) {
    // Stop it first: its last checkpoint must not be stored after everything else is deleted.
    StopReplication(task);
    const Status removed = options_.store->DeleteTask(id);
    if (!removed.ok()) {
      if (state == TaskState::kRunning) {
        ScheduleStart(task, std::chrono::milliseconds(0));
      }
      spdlog::error("cannot delete, task={} error={}", id, removed.ToString());
      return OurFault("fail to delete the task meta, task_id: " + id);
    }
    Forget(task);
    spdlog::info("task deleted, task={}", id);
    return OkStatus();
  });
  return deleted.code() == StatusCode::kNotFound && ignore_not_found ? OkStatus() : deleted;
}

}  // namespace cdc
