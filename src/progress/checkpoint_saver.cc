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

// Waits for a save in progress that holds checkpoints of the task: if it finished later, they would
// replace the final ones, which the caller saves next.
void CheckpointSaver::Remove(const std::string& task_id) {
  MutexLock lock(mutex_);
  tasks_.erase(task_id);
  released_.Wait(lock, std::stop_token(), [&] { return !in_use_.contains(task_id); });
}

std::map<std::string, Checkpointed*> CheckpointSaver::Acquire() {
  MutexLock lock(mutex_);
  for (const auto& [id, task] : tasks_) {
    in_use_.insert(id);
  }
  return tasks_;
}

void CheckpointSaver::Release(const std::map<std::string, Checkpointed*>& tasks) {
  MutexLock lock(mutex_);
  for (const auto& [id, task] : tasks) {
    in_use_.erase(id);
  }
  released_.NotifyAll();
}

// Does not hold the lock while the store writes: every start and stop of a task needs it. In its
// place, in_use_ keeps the tasks of this save from being destroyed.
void CheckpointSaver::SaveAll() {
  // Released whatever is thrown, or the stop of such a task would wait forever.
  struct Held {
    CheckpointSaver* saver;
    std::map<std::string, Checkpointed*> tasks;
    ~Held() { saver->Release(tasks); }
  } held{this, Acquire()};
  std::map<std::string, Checkpointed*>& tasks = held.tasks;
  Held nothing_to_save{this, {}};
  MetaStore::Checkpoints checkpoints;
  for (auto task = tasks.begin(); task != tasks.end();) {
    std::vector<ChannelCheckpoint> collected = task->second->CollectCheckpoints();
    if (collected.empty()) {
      nothing_to_save.tasks.insert(tasks.extract(task++));
    } else {
      checkpoints[task->first] = std::move(collected);
      ++task;
    }
  }
  // Now, not after the save: stopping a task without news must not wait for a slow disk.
  Release(std::exchange(nothing_to_save.tasks, {}));
  if (checkpoints.empty()) {
    return;
  }
  FaultPoint("before_checkpoint");
  const Status saved = store_->SaveAllCheckpoints(checkpoints);
  FaultPoint("after_checkpoint");
  for (const auto& [id, task] : tasks) {
    task->OnSaved(saved);
  }
}

}  // namespace cdc
