#include "metastore/sealed/sealed_store.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace cdc {
namespace {

// A secret of a task, by the name it has in the API.
struct Secret {
  const char* name;
  std::string MilvusConnectParam::* text;
};

constexpr Secret kSecrets[] = {{"token", &MilvusConnectParam::token},
                               {"password", &MilvusConnectParam::password}};

// So that nobody who can write the store can have a password sent to a target of his own: neither
// by another task nor by another address.
std::string ContextOf(const TaskSpec& spec, const Secret& secret) {
  return spec.id + "/" + secret.name + "/" + spec.target.ResolvedUri();
}

// Replaces the secrets of a stored task by what they are.
Status UnsealTask(const SecretKeys& keys, TaskRecord* task) {
  for (const Secret& secret : kSecrets) {
    std::string& text = task->spec.target.*secret.text;
    Result<std::string> plain = keys.Unseal(text, ContextOf(task->spec, secret));
    CDC_RETURN_IF_ERROR(plain.status().WithContext("the " + std::string(secret.name) + " of task " +
                                                   task->spec.id));
    text = *std::move(plain);
  }
  return OkStatus();
}

class SealedStore final : public MetaStore {
 public:
  SealedStore(std::unique_ptr<MetaStore> store, SecretKeys keys)
      : store_(std::move(store)), keys_(std::move(keys)) {}

  // Stores again what is not stored by the first key.
  Status SealAll() {
    CDC_ASSIGN_OR_RETURN(const std::vector<TaskRecord> stored, store_->ListTasks());
    for (const TaskRecord& task : stored) {
      TaskRecord plain = task;
      CDC_RETURN_IF_ERROR(UnsealTask(keys_, &plain).WithContext("metastore"));
      if (!IsSealed(task)) {
        CDC_RETURN_IF_ERROR(PutTask(plain));
      }
    }
    return OkStatus();
  }

  Status PutTask(const TaskRecord& task) override {
    CDC_ASSIGN_OR_RETURN(const TaskRecord sealed, Seal(task));
    return store_->PutTask(sealed);
  }
  Status ReplaceTask(const TaskRecord& task, const Progress& progress) override {
    CDC_ASSIGN_OR_RETURN(const TaskRecord sealed, Seal(task));
    return store_->ReplaceTask(sealed, progress);
  }

  Result<std::vector<TaskRecord>> ListTasks() override {
    CDC_ASSIGN_OR_RETURN(std::vector<TaskRecord> tasks, store_->ListTasks());
    for (TaskRecord& task : tasks) {
      CDC_RETURN_IF_ERROR(UnsealTask(keys_, &task).WithContext("metastore"));
    }
    return tasks;
  }

  Status CheckOwned() const override { return store_->CheckOwned(); }
  Status DeleteTask(const std::string& id) override { return store_->DeleteTask(id); }
  Result<Progress> LoadProgress(const std::string& task_id) override {
    return store_->LoadProgress(task_id);
  }
  Status SaveAllCheckpoints(const Checkpoints& checkpoints) override {
    return store_->SaveAllCheckpoints(checkpoints);
  }
  Status PutCollection(const std::string& task_id,
                       const ReplicatedCollection& collection) override {
    return store_->PutCollection(task_id, collection);
  }
  Status RemoveCollection(const std::string& task_id, CollectionId id) override {
    return store_->RemoveCollection(task_id, id);
  }
  Result<std::vector<std::string>> LoadLogKeys(const std::string& task_id,
                                               CollectionId id) override {
    return store_->LoadLogKeys(task_id, id);
  }
  Status PutSnapshot(const std::string& task_id, const SnapshotProgress& snapshot) override {
    return store_->PutSnapshot(task_id, snapshot);
  }
  Status ReplaceProgress(const std::string& task_id, const Progress& progress) override {
    return store_->ReplaceProgress(task_id, progress);
  }
  Status PutSource(const std::string& task_id, const std::string& identity) override {
    return store_->PutSource(task_id, identity);
  }
  Status PutDatabase(const std::string& task_id, const std::string& database) override {
    return store_->PutDatabase(task_id, database);
  }
  Status RemoveDatabase(const std::string& task_id, const std::string& database) override {
    return store_->RemoveDatabase(task_id, database);
  }
  Status PutAccess(const std::string& task_id, const AccessSet& items) override {
    return store_->PutAccess(task_id, items);
  }
  Status RemoveAccess(const std::string& task_id, const AccessSet& items) override {
    return store_->RemoveAccess(task_id, items);
  }

 private:
  Result<TaskRecord> Seal(const TaskRecord& task) const {
    TaskRecord sealed = task;
    for (const Secret& secret : kSecrets) {
      std::string& text = sealed.spec.target.*secret.text;
      CDC_ASSIGN_OR_RETURN(text, keys_.Seal(text, ContextOf(task.spec, secret)));
    }
    return sealed;
  }

  bool IsSealed(const TaskRecord& stored) const {
    return std::ranges::all_of(kSecrets, [&](const Secret& secret) {
      return keys_.IsNewest(stored.spec.target.*secret.text);
    });
  }

  const std::unique_ptr<MetaStore> store_;
  const SecretKeys keys_;
};

}  // namespace

Result<std::unique_ptr<MetaStore>> SealSecrets(std::unique_ptr<MetaStore> store, SecretKeys keys) {
  auto sealed = std::make_unique<SealedStore>(std::move(store), std::move(keys));
  CDC_RETURN_IF_ERROR(sealed->SealAll());
  return std::unique_ptr<MetaStore>(std::move(sealed));
}

Status CheckSecrets(const TaskRecord& stored, const SecretKeys& keys) {
  TaskRecord plain = stored;
  return UnsealTask(keys, &plain);
}

}  // namespace cdc
