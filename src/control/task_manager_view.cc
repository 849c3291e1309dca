// The views of TaskManager.
#include <algorithm>
#include <memory>
#include <utility>

#include "control/managed_task.h"
#include "control/shown_status.h"
#include "control/task_manager.h"

namespace cdc {

TaskView TaskManager::View(const TaskPtr& task) {
  TaskView view;
  std::shared_ptr<Replication> replication;
  std::shared_ptr<Replication> ending;
  TaskCounts counts;
  {
    MutexLock lock(mutex_);
    view.record = {task->spec, task->state, task->reason};
    replication = task->replication;
    ending = task->ending;
    counts = task->past;
    view.drain = task->drain;
    if (replication == nullptr) {
      view.status = task->last_status;
      view.status.idle = false;
      view.status.since_unix_ms = task->since_unix_ms;
      view.status.reason = task->reason;
      view.status.lag_ms.reset();
      view.status.source_lag_ms.reset();
      if (task->state == TaskState::kPaused) {
        view.status.condition = Condition::kPaused;
      } else if (!task->start_error.empty()) {
        view.status.condition = Condition::kRetrying;
        view.status.reason = task->start_error;
      } else {
        view.status.condition = Condition::kWaiting;
        view.status.reason = "the start is in progress";
      }
    }
  }
  if (replication != nullptr) {
    view.status = replication->GetStatus();
    view.live = true;
    ShowSource(options_.source_status ? options_.source_status() : OkStatus(), &view.status);
    counts.Add(view.status.counts);
  }
  if (ending != nullptr) {
    counts.Add(ending->GetStatus().counts);
  }
  view.status.counts = std::move(counts);
  return view;
}

Result<TaskView> TaskManager::Get(const std::string& id) {
  const TaskPtr task = Find(id);
  if (task != nullptr) {
    bool visible = false;
    {
      MutexLock lock(mutex_);
      visible = task->stored && !task->removed;
    }
    if (visible) {
      return View(task);
    }
  }
  return NotFoundError("not found: [" + id + "]");
}

Result<TaskView> TaskManager::GetWithPresent(const std::string& id) {
  CDC_RETURN_IF_ERROR(Get(id).status());
  // The present first, so that the status is not older than it.
  CDC_ASSIGN_OR_RETURN(const SourcePresent present, options_.replicator->Present());
  CDC_ASSIGN_OR_RETURN(TaskView view, Get(id));
  view.present = present;
  return view;
}

std::vector<TaskView> TaskManager::List() {
  std::vector<TaskPtr> tasks;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, task] : tasks_) {
      if (task->stored) {
        tasks.push_back(task);
      }
    }
  }
  std::vector<TaskView> views;
  views.reserve(tasks.size());
  for (const TaskPtr& task : tasks) {
    views.push_back(View(task));
  }
  return views;
}

Result<TaskPositions> TaskManager::Positions(const std::string& id) {
  TaskPositions positions;
  for (const TaskView& view : List()) {
    const std::string& task_id = view.record.spec.id;
    if (!id.empty() && task_id != id) {
      continue;
    }
    CDC_ASSIGN_OR_RETURN(const MetaStore::Progress progress, options_.store->LoadProgress(task_id));
    // Negative as its id is, the row comes before those of collections.
    for (const ChannelCheckpoint& channel : progress.channels) {
      if (channel.channel == options_.replicate_channel && !channel.position.empty()) {
        positions.source.push_back({kReplicateChannelCollection, channel.channel, channel.ts,
                                    channel.position, std::nullopt});
      }
    }
    for (const ReplicatedCollection& collection : progress.collections) {
      for (const ChannelStatus& channel : view.status.channels) {
        if (std::find(collection.pchannels.begin(), collection.pchannels.end(), channel.channel) !=
            collection.pchannels.end()) {
          const auto last = channel.last_rows.find(collection.id);
          positions.source.push_back(
              {collection.id, channel.channel, channel.checkpoint, channel.position,
               last == channel.last_rows.end() ? std::nullopt : std::optional(last->second)});
        }
      }
      for (const TargetRows& rows : view.status.target_rows) {
        if (rows.collection == collection.target) {
          positions.target.push_back(
              {collection.id, rows.channel, rows.ts, rows.position, std::nullopt});
        }
      }
    }
  }
  return positions;
}

}  // namespace cdc
