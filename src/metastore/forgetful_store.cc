#include "metastore/forgetful_store.h"

#include <map>
#include <set>
#include <utility>

#include "base/mutex.h"

namespace cdc {
namespace {

class RealForgetfulStore final : public ForgetfulStore {
 public:
  explicit RealForgetfulStore(MetaStore* store) : store_(store) {}

  Status CheckOwned() const override { return store_->CheckOwned(); }
  Result<std::vector<TaskRecord>> ListTasks() override { return store_->ListTasks(); }
  Result<Progress> LoadProgress(const std::string& task_id) override {
    {
      MutexLock lock(mutex_);
      const auto found = replaced_.find(task_id);
      if (found != replaced_.end()) {
        return found->second;
      }
    }
    return store_->LoadProgress(task_id);
  }
  Result<std::vector<std::string>> LoadLogKeys(const std::string& task_id,
                                               CollectionId id) override {
    return store_->LoadLogKeys(task_id, id);
  }

  Status PutTask(const TaskRecord& /*task*/) override { return OkStatus(); }
  Status DeleteTask(const std::string& /*id*/) override { return OkStatus(); }
  Status SaveAllCheckpoints(const Checkpoints& /*checkpoints*/) override { return OkStatus(); }
  Status PutCollection(const std::string& /*task_id*/,
                       const ReplicatedCollection& /*collection*/) override {
    return OkStatus();
  }
  Status RemoveCollection(const std::string& /*task_id*/, CollectionId /*id*/) override {
    return OkStatus();
  }
  // Else a copy that was asked for would begin again and again.
  Status PutSnapshot(const std::string& task_id, const SnapshotProgress& snapshot) override {
    MutexLock lock(mutex_);
    const auto replaced = replaced_.find(task_id);
    if (replaced != replaced_.end()) {
      for (SnapshotProgress& known : replaced->second.snapshots) {
        if (known.collection == snapshot.collection) {
          std::set<int64_t> segments = std::move(known.segments);
          known = snapshot;
          known.segments.merge(segments);
        }
      }
    }
    return OkStatus();
  }
  Status ReplaceProgress(const std::string& task_id, const Progress& progress) override {
    MutexLock lock(mutex_);
    replaced_[task_id] = progress;
    return OkStatus();
  }
  Status ReplaceTask(const TaskRecord& task, const Progress& progress) override {
    return ReplaceProgress(task.spec.id, progress);
  }
  void Forget(const std::string& task_id) override {
    MutexLock lock(mutex_);
    replaced_.erase(task_id);
  }
  Status PutSource(const std::string& /*task_id*/, const std::string& /*identity*/) override {
    return OkStatus();
  }
  Status PutDatabase(const std::string& /*task_id*/, const std::string& /*database*/) override {
    return OkStatus();
  }
  Status RemoveDatabase(const std::string& /*task_id*/, const std::string& /*database*/) override {
    return OkStatus();
  }
  Status PutAccess(const std::string& /*task_id*/, const AccessSet& /*items*/) override {
    return OkStatus();
  }
  Status RemoveAccess(const std::string& /*task_id*/, const AccessSet& /*items*/) override {
    return OkStatus();
  }

 private:
  MetaStore* const store_;
  Mutex mutex_;
  std::map<std::string, Progress> replaced_ CDC_GUARDED_BY(mutex_);  // by task
};

}  // namespace

std::unique_ptr<ForgetfulStore> NewForgetfulStore(MetaStore* store) {
  return std::make_unique<RealForgetfulStore>(store);
}

}  // namespace cdc
