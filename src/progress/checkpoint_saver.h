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

// Has checkpoints that are to be saved. All calls come from the saver's thread.
class Checkpointed {
 public:
  virtual ~Checkpointed() = default;

  // What has changed and is worth saving now; empty: nothing.
  virtual std::vector<ChannelCheckpoint> CollectCheckpoints() = 0;
  // What became of those that were collected last.
  virtual void OnSaved(const Status& status) = 0;
};

// Saves the checkpoints of all running tasks, in one transaction at a time. Thread-safe; Run
// belongs to one thread.
class CheckpointSaver {
 public:
  // `store` must outlive this.
  CheckpointSaver(MetaStore* store, std::chrono::milliseconds interval)
      : store_(store), interval_(interval) {}

  // Saves every interval, and when woken.
  void Run(const std::stop_token& stop);
  // Something waits for the next save. From any thread; takes no lock that a save holds.
  void Wake();

  // Neither waits for what is saved of other tasks.
  void Add(const std::string& task_id, Checkpointed* task);
  // Nothing of the task is being saved when this returns, nor will be.
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
  std::set<std::string> in_use_ CDC_GUARDED_BY(mutex_);  // by the save under way
};

}  // namespace cdc
