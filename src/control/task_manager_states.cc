// How TaskManager pauses, resumes and deletes tasks.
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "control/judge_create.h"
#include "control/managed_task.h"
#include "control/shown_status.h"
#include "control/stop_at.h"
#include "control/task_manager.h"

namespace cdc {
namespace {

// What other positions mean for the rows.
std::string RowsOf(const std::vector<ScopeNote>& notes) {
  std::string text;
  for (const ScopeNote& note : notes) {
    text += (text.empty() ? "" : "; ") + note.collection.ToString() + ": " + note.rows;
  }
  return text;
}

}  // namespace

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

Result<std::vector<ScopeNote>> TaskManager::Resume(const std::string& id,
                                                   const ResumeOptions& options) {
  std::vector<ScopeNote> notes;
  const Status done = Operate(id, [&](const TaskPtr& task, TaskState state) -> Status {
    if (state == TaskState::kRunning) {
      return FailedPreconditionError("the task has running, task_id: " + id);
    }
    if (options.stop_at.value_or(Timestamp{}) > Timestamp{}) {
      CDC_RETURN_IF_ERROR(CheckExperimental(options_.experimental, "stop_at"));
    }
    if (!options.positions.empty()) {
      CDC_RETURN_IF_ERROR(CheckExperimental(options_.experimental, "a resume with positions"));
    }
    CDC_ASSIGN_OR_RETURN(notes, ResumePaused(task, options));
    return OkStatus();
  });
  return done.ok() ? Result<std::vector<ScopeNote>>(std::move(notes)) : done;
}

// They are stored before the task starts, so a crash in between leaves it paused there.
Result<std::vector<ScopeNote>> TaskManager::TakePositions(const TaskPtr& task,
                                                          const ResumeOptions& options) {
  if (options.positions.empty()) {
    return std::vector<ScopeNote>();
  }
  CDC_RETURN_IF_ERROR(MakeWantedChanges(task));
  TaskSpec spec = task->spec;
  spec.stop_at = options.stop_at.value_or(spec.stop_at);
  CDC_ASSIGN_OR_RETURN(std::vector<ScopeNote> notes,
                       options_.replicator->Reposition(spec, options.positions, options.force));
  spdlog::info("positions taken over, task={} {}", spec.id, RowsOf(notes));
  if (const auto progress = options_.store->LoadProgress(spec.id); progress.ok()) {
    MutexLock lock(mutex_);
    task->last_status = StatusOf(*progress);
  }
  return notes;
}

Result<std::vector<ScopeNote>> TaskManager::ResumePaused(const TaskPtr& task,
                                                         const ResumeOptions& options) {
  const std::string& id = task->spec.id;
  CDC_RETURN_IF_ERROR(CheckResume(task, options.stop_at));
  OnUndecodable on_undecodable = options.on_undecodable.value_or(task->spec.on_undecodable);
  Timestamp stop_at = options.stop_at.value_or(task->spec.stop_at);
  // Only these: others may be read without the lock.
  const auto exchange = [&] {
    std::swap(task->spec.on_undecodable, on_undecodable);
    std::swap(task->spec.stop_at, stop_at);
  };
  CDC_ASSIGN_OR_RETURN(std::vector<ScopeNote> notes, TakePositions(task, options));
  {
    MutexLock lock(mutex_);
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
    return OurFault(
        "fail to start the task, task_id: " + id + ": " + started.message() +
        (notes.empty() ? "" : "; its positions are taken over, resume it without them"));
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
    task->events.Add(options_.clock->UnixMs(), TaskEventKind::kResumed, RowsOf(notes));
  }
  spdlog::info("task resumed, task={}", id);
  return notes;
}

// A resume holds task->operation, so nothing of this changes meanwhile.
Status TaskManager::CheckResume(const TaskPtr& task, std::optional<Timestamp> stop_at) {
  TaskRecord record;
  {
    MutexLock lock(mutex_);
    record = {task->spec, task->state, task->reason};
  }
  const TaskSpec& spec = record.spec;
  CDC_RETURN_IF_ERROR(CheckEndReached(record, stop_at));
  const Timestamp end = stop_at.value_or(spec.stop_at);
  if (end == Timestamp{}) {
    return OkStatus();
  }
  // What the last replication needs may be a copy.
  CDC_RETURN_IF_ERROR(MakeWantedChanges(task));
  CDC_ASSIGN_OR_RETURN(const MetaStore::Progress progress, options_.store->LoadProgress(spec.id));
  const bool keeps = end == spec.stop_at && !record.reason.starts_with(kStoppedAt);
  std::optional<Timestamp> present;
  if (!keeps) {
    const Result<SourcePresent> now = options_.replicator->Present();
    CDC_RETURN_IF_ERROR(now.status().WithContext("the source does not tell where it is"));
    present = now->ts;
  }
  return CheckEnd(spec, end, present, progress.snapshots);
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
