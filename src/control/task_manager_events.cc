// How TaskManager keeps and shows what happened to tasks.
#include <chrono>
#include <string>
#include <vector>

#include "control/managed_task.h"
#include "control/task_manager.h"

namespace cdc {
namespace {

constexpr std::chrono::seconds kObserveEach{1};

}  // namespace

Result<std::vector<TaskEvent>> TaskManager::Events(const std::string& id, uint64_t after) {
  const TaskPtr task = Find(id);
  if (task == nullptr) {
    return NotFound(id);
  }
  MutexLock lock(mutex_);
  return task->events.After(after);
}

void TaskManager::ScheduleObservation() {
  executor_.Run(kObserveEach, [this] {
    ObserveTasks();
    ScheduleObservation();
  });
}

void TaskManager::ObserveTasks() {
  std::vector<TaskPtr> running;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, task] : tasks_) {
      if (task->replication != nullptr) {
        running.push_back(task);
      }
    }
  }
  for (const TaskPtr& task : running) {
    const TaskView view = View(task);
    MutexLock lock(mutex_);
    // It may have stopped meanwhile, which is an event of its own.
    if (view.live && task->replication != nullptr) {
      task->events.Observe(options_.clock->UnixMs(), view.status);
    }
  }
}

}  // namespace cdc
