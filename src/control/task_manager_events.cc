// How TaskManager keeps and shows what happened to tasks.
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/managed_task.h"
#include "control/shown_status.h"
#include "control/task_manager.h"

namespace cdc {
namespace {

constexpr std::chrono::seconds kObserveEach{1};

}  // namespace

Result<std::vector<TaskEvent>> TaskManager::Events(const std::string& id, uint64_t after) {
  const TaskPtr task = Find(id);
  MutexLock lock(mutex_);
  if (task == nullptr || !task->stored || task->removed) {
    return NotFound(id);
  }
  return task->events.After(after);
}

void TaskManager::ScheduleObservation() {
  executor_.Run(kObserveEach, [this] {
    ObserveTasks();
    ScheduleObservation();
  });
}

void TaskManager::ObserveTasks() {
  std::vector<std::pair<TaskPtr, std::shared_ptr<Replication>>> running;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, task] : tasks_) {
      if (task->replication != nullptr) {
        running.emplace_back(task, task->replication);
      }
    }
  }
  const Status source = options_.source_status ? options_.source_status() : OkStatus();
  for (const auto& [task, replication] : running) {
    TaskStatus news = replication->GetNews();
    ShowSource(source, &news);
    MutexLock lock(mutex_);
    // It may have stopped meanwhile, which is an event of its own.
    if (task->replication == replication) {
      task->events.Observe(options_.clock->UnixMs(), news);
    }
  }
}

}  // namespace cdc
