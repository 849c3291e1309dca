// How TaskManager changes single collections of a task.
#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "control/managed_task.h"
#include "control/shown_status.h"
#include "control/task_manager.h"

namespace cdc {
namespace {

constexpr const char* kSetAsideByHand = "set aside by hand";

TaskChanges ChangesOf(TaskManager::CollectionChange change,
                      std::set<CollectionId> collections,
                      const CopySelection& selection) {
  TaskChanges changes;
  switch (change) {
    case TaskManager::CollectionChange::kRetry: changes.take_up = std::move(collections); break;
    case TaskManager::CollectionChange::kCopy:
      for (const CollectionId id : collections) {
        changes.copy_again[id] = selection;
      }
      break;
    case TaskManager::CollectionChange::kCancel: changes.cancel = std::move(collections); break;
    case TaskManager::CollectionChange::kSetAside:
      for (const CollectionId id : collections) {
        changes.set_aside[id] = kSetAsideByHand;
      }
      break;
  }
  return changes;
}

}  // namespace

Status TaskManager::ChangeCollections(const std::string& id,
                                      CollectionChange change,
                                      const std::vector<CollectionName>& names,
                                      const CopySelection& selection) {
  return Operate(id, [&](const TaskPtr& task, TaskState state) -> Status {
    if (change == CollectionChange::kCopy && task->spec.stop_at > Timestamp{}) {
      return FailedPreconditionError(
          "a copy of stored rows may bring rows that are later than the task's stop_at: pause it, "
          "and resume it with stop_at 0 first");
    }
    std::set<CollectionId> collections;
    for (const CollectionName& name : names) {
      CDC_ASSIGN_OR_RETURN(const CollectionId collection,
                           options_.replicator->FindCollection(task->spec, name));
      collections.insert(collection);
    }
    // Only what is stored can be changed, and a running task knows more.
    StopReplication(task);
    Status changed = MakeWantedChanges(task);
    if (changed.ok()) {
      changed = options_.replicator->Change(task->spec,
                                            ChangesOf(change, std::move(collections), selection));
    }
    if (const Result<MetaStore::Progress> progress = options_.store->LoadProgress(id);
        progress.ok()) {
      MutexLock lock(mutex_);
      task->last_status.set_aside = SetAsideOf(*progress);
      ShowCopies(*progress, &task->last_status);
    }
    if (state != TaskState::kPaused) {
      ScheduleStart(task, std::chrono::milliseconds(0));
    }
    CDC_RETURN_IF_ERROR(changed);
    spdlog::info("collections changed, task={} count={}", id, names.size());
    return OkStatus();
  });
}

}  // namespace cdc
