// How TaskManager drains a task.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/time_text.h"
#include "control/drain_goal.h"
#include "control/managed_task.h"
#include "control/task_manager.h"

namespace cdc {
namespace {

constexpr std::chrono::milliseconds kDrainStep{200};  // between two looks at the task

uint64_t RowsWritten(const TaskView& view) {
  const CountsByOp rows = view.status.counts.RowsWritten();
  return rows.inserts + rows.upserts + rows.deletes;
}

// What is stored must not be older than what was reached: the pause may have failed to store it.
Status CheckStored(const TaskView& reached, const TaskView& stored, Timestamp goal) {
  for (const ChannelStatus& channel : reached.status.channels) {
    const auto found = std::find_if(
        stored.status.channels.begin(), stored.status.channels.end(),
        [&channel](const ChannelStatus& each) { return each.channel == channel.channel; });
    // A channel no longer followed has nothing left: its collections are dropped.
    if (found != stored.status.channels.end() && found->checkpoint < goal) {
      return FailedPreconditionError(
          "the task is paused, but the stored checkpoint of channel " + channel.channel + " is " +
          FormatHybrid(found->checkpoint) + ", older than " + FormatHybrid(goal) +
          ": the server could not store it, its log tells why; `milvus-cdc task resume " +
          stored.record.spec.id + "` and drain again");
    }
  }
  return OkStatus();
}

}  // namespace

Result<DrainStatus> TaskManager::Drain(const std::string& id, const DrainOptions& options) {
  const TaskPtr task = Find(id);
  const Result<TaskView> before = Get(id);
  if (task == nullptr || !before.ok()) {
    return NotFound(id);
  }
  CDC_RETURN_IF_ERROR(CheckRuns(*before));
  const Result<TaskView> view = GetWithPresent(id);
  if (!view.ok()) {
    return UnavailableError("the source does not tell where it is: " + view.status().message() +
                            HowToForce(*before));
  }
  SourcePresent goal = *view->present;
  // A source's clock never goes back, so this should change nothing; but ticks seen are certain.
  for (const ChannelStatus& channel : view->status.channels) {
    goal.ts = std::max(goal.ts, channel.resolved);
  }
  MutexLock operation(task->operation);
  CDC_RETURN_IF_ERROR(CheckRuns(View(task)));
  DrainStatus started{.goal = goal,
                      .since_unix_ms = options_.clock->UnixMs(),
                      .missing = MissingFor(*view, goal, options.accept_waiting)};
  uint64_t number = 0;
  {
    MutexLock lock(mutex_);
    if (task->removed) {
      return NotFound(id);
    }
    if (stopping_) {
      return StoppingError();
    }
    // Of two requests at the same time, the one that has read the source first may come second.
    if (task->drain && task->drain->phase == DrainPhase::kWaiting) {
      const SourcePresent& earlier = task->drain->goal;
      started.goal.ts = std::max(started.goal.ts, earlier.ts);
      started.goal.catalog_revision =
          std::max(started.goal.catalog_revision, earlier.catalog_revision);
    }
    task->drain = started;
    task->drain_options = options;
    task->drain_deadline = options_.clock->Now() + options.timeout;
    number = ++task->drain_number;
    task->events.Add(started.since_unix_ms, TaskEventKind::kDrainBegun,
                     "up to " + FormatHybrid(started.goal.ts));
  }
  spdlog::info("drain begun, task={} up_to={}", id, FormatHybrid(started.goal.ts));
  ScheduleDrain(task, number, std::chrono::milliseconds(0));
  return started;
}

Status TaskManager::CancelDrain(const std::string& id) {
  const TaskPtr task = Find(id);
  if (task == nullptr) {
    return NotFound(id);
  }
  {
    MutexLock lock(mutex_);
    if (!task->drain || task->drain->phase != DrainPhase::kWaiting) {
      const std::string last =
          task->drain ? std::string(", the last one is ") + DrainPhaseName(task->drain->phase) : "";
      return FailedPreconditionError("there is no drain to cancel" + last + ", task_id: " + id);
    }
    task->drain->phase = DrainPhase::kCancelled;
    task->drain->ended_unix_ms = options_.clock->UnixMs();
    task->events.Add(task->drain->ended_unix_ms, TaskEventKind::kDrainEnded,
                     DrainPhaseName(DrainPhase::kCancelled));
  }
  spdlog::info("drain cancelled, task={}", id);
  return OkStatus();
}

void TaskManager::ScheduleDrain(const TaskPtr& task,
                                uint64_t number,
                                std::chrono::milliseconds delay) {
  executor_.Run(delay, [this, task, number] { StepDrain(task, number); });
}

void TaskManager::StepDrain(const TaskPtr& task, uint64_t number) {
  SourcePresent goal;
  DrainOptions drain;
  Clock::TimePoint deadline;
  {
    MutexLock lock(mutex_);
    if (stopping_ || task->removed || task->drain_number != number ||
        task->drain->phase != DrainPhase::kWaiting) {
      return;
    }
    goal = task->drain->goal;
    drain = task->drain_options;
    deadline = task->drain_deadline;
  }
  const TaskView view = View(task);
  if (const Status runs = CheckRuns(view); !runs.ok()) {
    EndDrain(task, number, DrainPhase::kFailed, runs.message());
    return;
  }
  std::vector<std::string> missing = MissingFor(view, goal, drain.accept_waiting);
  if (missing.empty()) {
    FinishDrain(task, number);
    return;
  }
  const ChannelStatus* stalled = FindStalled(view, goal, options_.clock->UnixMs());
  const std::string force = stalled == nullptr ? "" : HowToForce(view);
  const std::string summary = Summarize(missing);
  {
    MutexLock lock(mutex_);
    if (task->drain_number == number) {
      task->drain->missing = std::move(missing);
    }
  }
  if (stalled != nullptr && view.status.condition == Condition::kOk) {
    const int64_t silent = options_.clock->UnixMs() - stalled->last_tick_unix_ms;
    EndDrain(task, number, DrainPhase::kFailed,
             "the source stands still: channel " + stalled->channel + " had its last tick " +
                 FormatDuration(silent) + " ago; the task is left running" + force);
  } else if (options_.clock->Now() >= deadline) {
    EndDrain(task, number, DrainPhase::kTimedOut,
             "not drained within " + FormatDuration(drain.timeout.count()) +
                 ", the task is left running; missing: " + summary + force);
  } else {
    ScheduleDrain(task, number, kDrainStep);
  }
}

void TaskManager::FinishDrain(const TaskPtr& task, uint64_t number) {
  MutexLock operation(task->operation);
  SourcePresent wanted;
  bool accept_waiting = false;
  {
    MutexLock lock(mutex_);
    wanted = task->drain->goal;
    accept_waiting = task->drain_options.accept_waiting;
  }
  // Since the last look somebody may have paused it, or asked for a copy; then the next one tells.
  const TaskView reached = View(task);
  if (reached.record.state != TaskState::kRunning ||
      !MissingFor(reached, wanted, accept_waiting).empty()) {
    ScheduleDrain(task, number, kDrainStep);
    return;
  }
  if (!MoveDrain(task, number, DrainPhase::kWaiting, DrainPhase::kPausing)) {
    return;
  }
  Timestamp goal;
  {
    MutexLock lock(mutex_);
    goal = task->drain->goal.ts;
    task->drain->missing.clear();
  }
  const Status paused = PauseRunning(task, kDrained + FormatHybrid(goal));
  if (!paused.ok()) {
    EndDrain(task, number, DrainPhase::kFailed,
             "everything is on the target, but the pause failed: " + paused.message());
    return;
  }
  const TaskView after = View(task);
  if (const Status stored = CheckStored(reached, after, goal); !stored.ok()) {
    EndDrain(task, number, DrainPhase::kFailed, stored.message());
    return;
  }
  {
    MutexLock lock(mutex_);
    DrainStatus& drain = *task->drain;
    drain.left = reached.status.condition == Condition::kOk ? "" : reached.status.reason;
    drain.idle = reached.status.idle;
    drain.channels = reached.status.channels.size();
    drain.rows_written = RowsWritten(after);
    const uint64_t later = drain.rows_written + after.status.rows_waiting;
    drain.rows_above = later - std::min(later, RowsWritten(reached));
  }
  EndDrain(task, number, DrainPhase::kDone, "");
}

// False: the drain is no longer the newest, or not in that phase.
bool TaskManager::MoveDrain(const TaskPtr& task, uint64_t number, DrainPhase from, DrainPhase to) {
  MutexLock lock(mutex_);
  if (stopping_ || task->removed || task->drain_number != number || task->drain->phase != from) {
    return false;
  }
  task->drain->phase = to;
  return true;
}

void TaskManager::EndDrain(const TaskPtr& task,
                           uint64_t number,
                           DrainPhase phase,
                           const std::string& reason) {
  {
    MutexLock lock(mutex_);
    if (task->drain_number != number || task->drain->phase == DrainPhase::kCancelled) {
      return;
    }
    task->drain->phase = phase;
    task->drain->reason = reason;
    task->drain->ended_unix_ms = options_.clock->UnixMs();
    task->events.Add(task->drain->ended_unix_ms, TaskEventKind::kDrainEnded,
                     DrainPhaseName(phase) + (reason.empty() ? "" : ": " + reason));
  }
  spdlog::info("drain ended, task={} phase={}{}", task->spec.id, DrainPhaseName(phase),
               reason.empty() ? "" : " reason=" + reason);
}

}  // namespace cdc
