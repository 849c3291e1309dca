#include "progress/checkpoint_saver.h"

#include <utility>

#include "base/fault_point.h"

namespace cdc {

void CheckpointSaver::Run(const std::stop_token& stop) {
  while (true) {
    {
      MutexLock lock(wake_mutex_);
      woken_.WaitFor(lock, stop, interval_, [this] { return wake_; });
      wake_ = false;
    }
    if (stop.stop_requested()) {
      return;
    }
    SaveAll();
  }
}

void CheckpointSaver::Wake() {
  MutexLock lock(wake_mutex_);
  wake_ = true;
  woken_.NotifyAll();
}

void CheckpointSaver::Add(const std::string& task_id, Checkpointed* task) {
  MutexLock lock(mutex_);
  tasks_[task_id] = task;
}

void CheckpointSaver::Remove(const std::string& task_id) {
  MutexLock lock(mutex_);
  tasks_.erase(task_id);
}

void CheckpointSaver::SaveAll() {
  MutexLock lock(mutex_);
  MetaStore::Checkpoints checkpoints;
  for (const auto& [id, task] : tasks_) {
    std::vector<ChannelCheckpoint> collected = task->CollectCheckpoints();
    if (!collected.empty()) {
      checkpoints[id] = std::move(collected);
    }
  }
  if (checkpoints.empty()) {
    return;
  }
  FaultPoint("before_checkpoint");
  const Status saved = store_->SaveAllCheckpoints(checkpoints);
  FaultPoint("after_checkpoint");
  for (const auto& [id, collected] : checkpoints) {
    tasks_.at(id)->OnSaved(saved);
  }
}

}  // namespace cdc
