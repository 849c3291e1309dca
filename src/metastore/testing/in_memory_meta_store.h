#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "metastore/meta_store.h"
#include "model/task_progress.h"

namespace cdc {

// A MetaStore that loses its content when destroyed. Thread-safe.
class InMemoryMetaStore : public MetaStore {
 public:
  // Makes every later call fail with `status`; an OK status ends this.
  void FailWith(Status status);

  Status CheckOwned() const override { return OkStatus(); }
  Status PutTask(const TaskRecord& task) override;
  Result<std::vector<TaskRecord>> ListTasks() override;
  Status DeleteTask(const std::string& id) override;
  Result<Progress> LoadProgress(const std::string& task_id) override;
  Status SaveAllCheckpoints(const Checkpoints& checkpoints) override;
  Status PutCollection(const std::string& task_id, const ReplicatedCollection& collection) override;
  Status RemoveCollection(const std::string& task_id, CollectionId id) override;
  Result<std::vector<std::string>> LoadLogKeys(const std::string& task_id,
                                               CollectionId id) override;
  Status PutSnapshot(const std::string& task_id, const SnapshotProgress& snapshot) override;
  Status ReplaceProgress(const std::string& task_id, const Progress& progress) override;
  Status ReplaceTask(const TaskRecord& task, const Progress& progress) override;
  Status PutSource(const std::string& task_id, const std::string& identity) override;
  Status PutDatabase(const std::string& task_id, const std::string& database) override;
  Status RemoveDatabase(const std::string& task_id, const std::string& database) override;
  Status PutAccess(const std::string& task_id, const AccessSet& items) override;
  Status RemoveAccess(const std::string& task_id, const AccessSet& items) override;

 private:
  struct TaskProgress {
    std::map<std::string, ChannelCheckpoint> channels;
    std::map<CollectionId, ReplicatedCollection> collections;
    std::map<CollectionId, SnapshotProgress> snapshots;
    std::map<CollectionId, std::vector<std::string>> log_keys;
    std::map<CollectionId, AsideCollection> aside;

    bool HasLogKeys(CollectionId id) const {
      const auto found = snapshots.find(id);
      return found != snapshots.end() && !found->second.done &&
             found->second.log == CopyLog::kApplied;
    }
    void ForgetUnusedLogKeys() {
      std::erase_if(log_keys, [this](const auto& each) { return !HasLogKeys(each.first); });
    }
    std::set<std::string> databases;
    AccessSet access;
    std::string source;
  };

  Mutex mutex_;
  Status failure_ CDC_GUARDED_BY(mutex_);
  std::map<std::string, TaskRecord> tasks_ CDC_GUARDED_BY(mutex_);
  std::map<std::string, TaskProgress> progress_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
