// How TaskManager pauses a task that has reached its `stop_at`.
#include <chrono>
#include <optional>
#include <string>

#include <spdlog/spdlog.h>

#include "control/drain_goal.h"
#include "control/managed_task.h"
#include "control/stop_at.h"
#include "control/task_manager.h"

namespace cdc {
namespace {

// Between two looks at the task. A look at one that has read up to its end, or has nothing to read,
// asks the source, which may be away, or far from that time.
constexpr std::chrono::milliseconds kStopStep{500};
constexpr std::chrono::milliseconds kPatientStopStep{10'000};

bool IsIdle(const TaskView& view) { return view.live && view.status.channels.empty(); }

// What the target refuses apart from the rows does not keep the task from its end.
bool IsComplete(const TaskView& view, const SourcePresent& goal) {
  return MissingFor(view, goal, /*accept_waiting=*/true).empty();
}

}  // namespace

void TaskManager::ScheduleStop(const TaskPtr& task,
                               uint64_t run,
                               std::optional<SourcePresent> goal,
                               std::chrono::milliseconds delay) {
  executor_.Run(delay, [this, task, run, goal] { StepStop(task, run, goal); });
}

void TaskManager::StepStop(const TaskPtr& task,
                           uint64_t run,
                           const std::optional<SourcePresent>& goal) {
  {
    MutexLock lock(mutex_);
    if (stopping_ || task->removed || task->run != run) {
      return;
    }
  }
  const TaskView view = View(task);
  const Result<std::optional<SourcePresent>> known = goal ? goal : FindStopGoal(view);
  if (known.ok() && *known && view.record.state == TaskState::kRunning &&
      IsComplete(view, **known)) {
    FinishStop(task, run, **known);
    return;
  }
  // A source that does not answer is asked again; the task's condition shows that it is away.
  const bool soon = known.ok() && (known->has_value() || !IsIdle(view));
  ScheduleStop(task, run, known.ok() ? *known : std::nullopt, soon ? kStopStep : kPatientStopStep);
}

// What must be on the target: rows up to the end, and the catalog of a source that has passed it,
// which has every collection that was created before. nullopt: it may not have passed it.
Result<std::optional<SourcePresent>> TaskManager::FindStopGoal(const TaskView& view) {
  const Timestamp end = view.record.spec.stop_at;
  const bool idle = IsIdle(view);
  if (!idle && !HasReadToEnd(view)) {
    return std::optional<SourcePresent>();
  }
  CDC_ASSIGN_OR_RETURN(const SourcePresent present, options_.replicator->Present());
  if (idle && present.ts < CertainlyAfter(end)) {
    return std::optional<SourcePresent>();
  }
  return std::optional(SourcePresent{.ts = end, .catalog_revision = present.catalog_revision});
}

void TaskManager::FinishStop(const TaskPtr& task, uint64_t run, const SourcePresent& goal) {
  MutexLock operation(task->operation);
  {
    MutexLock lock(mutex_);
    if (stopping_ || task->removed || task->run != run || task->state != TaskState::kRunning) {
      return;
    }
  }
  // Since the last look somebody may have asked for something.
  const Status paused = IsComplete(View(task), goal)
                            ? PauseRunning(task, kStoppedAt + FormatHybrid(goal.ts))
                            : UnavailableError("there is more to do");
  if (!paused.ok()) {
    spdlog::warn("task={} cannot pause at its stop_at, will try again: {}", task->spec.id,
                 paused.message());
    ScheduleStop(task, run, goal, kStopStep);
  }
}

}  // namespace cdc
