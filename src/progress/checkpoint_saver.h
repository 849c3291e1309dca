#pragma once

#include <chrono>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "metastore/meta_store.h"
#include "model/task_progress.h"

namespace cdc {

// Something that has checkpoints to save. All calls come from the saver's thread.
class Checkpointed {
 public:
  virtual ~Checkpointed() = default;

  // Returns the checkpoints that are worth saving now; empty: none.
  virtual std::vector<ChannelCheckpoint> CollectCheckpoints() = 0;
  // Reports whether the checkpoints collected last were saved.
  virtual void OnSaved(const Status& status) = 0;
};

// Saves the checkpoints of all running tasks, in one transaction at a time. Thread-safe; Run
// belongs to one thread.
class CheckpointSaver {
 public:
  // `store` must outlive this.
  CheckpointSaver(MetaStore* store, std::chrono::milliseconds interval)
      : store_(store), interval_(interval) {}

  // Saves once per interval, and whenever Wake is called.
  void Run(const std::stop_token& stop);
  // Requests a save soon. Takes no lock that is held during a save.
  void Wake();

  // Neither Add nor Remove waits for a save of other tasks' checkpoints.
  void Add(const std::string& task_id, Checkpointed* task);
  // When this returns, no save of the task is in progress, and none will follow.
  void Remove(const std::string& task_id);

 private:
  std::map<std::string, Checkpointed*> Acquire();
  void Release(const std::map<std::string, Checkpointed*>& tasks);
  void SaveAll();

  MetaStore* const store_;
  const std::chrono::milliseconds interval_;
  Mutex wake_mutex_;
  CondVar woken_;
  bool wake_ CDC_GUARDED_BY(wake_mutex_) = false;
  Mutex mutex_;
  CondVar released_;
  std::map<std::string, Checkpointed*> tasks_ CDC_GUARDED_BY(mutex_);
  std::set<std::string> in_use_ CDC_GUARDED_BY(mutex_);  // by the save in progress
};

}  // namespace cdc
