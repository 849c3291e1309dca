#include "metastore/records/record_meta_store.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fault_point.h"
#include "base/mutex.h"
#include "metastore/records/progress_reader.h"
#include "metastore/records/record_keys.h"
#include "metastore/records/record_values.h"

namespace cdc {
namespace {

namespace keys = record_keys;
namespace values = record_values;

std::string CheckpointKey(const std::string& task, const std::string& channel) {
  return keys::Progress(task) + "checkpoint/" + keys::Escape(channel);
}

std::string KeyOf(const std::string& task, const char* kind, CollectionId id) {
  return keys::Progress(task) + kind + "/" + std::to_string(id.value);
}

bool KeepsLogKeys(const SnapshotProgress& snapshot) {
  return !snapshot.done && snapshot.log == CopyLog::kApplied;
}

class RecordMetaStore final : public MetaStore {
 public:
  explicit RecordMetaStore(std::unique_ptr<RecordStore> records) : records_(std::move(records)) {}

  Status Open(const ReadInitialContent& read_initial) {
    MutexLock lock(mutex_);
    CDC_RETURN_IF_ERROR(CheckVersion(read_initial));
    return DropOrphans();
  }

  Status CheckOwned() const override { return records_->CheckOwned(); }

  Status PutTask(const TaskRecord& task) override {
    MutexLock lock(mutex_);
    return records_->Write({.put = {{keys::Task(task.spec.id), values::Encode(task)}}});
  }

  Result<std::vector<TaskRecord>> ListTasks() override {
    MutexLock lock(mutex_);
    CDC_ASSIGN_OR_RETURN(const auto records, records_->Read(keys::kTasks));
    std::vector<TaskRecord> tasks;
    for (const auto& [key, value] : records) {
      const auto id = keys::Unescape(keys::NextPart(key, keys::kTasks));
      if (!id) {
        return Damaged(key, "its key is malformed");
      }
      Result<TaskRecord> task = values::DecodeTask(*id, value);
      if (!task.ok()) {
        return Damaged(key, task.status().message());
      }
      tasks.push_back(*std::move(task));
    }
    std::sort(tasks.begin(), tasks.end(),
              [](const TaskRecord& a, const TaskRecord& b) { return a.spec.id < b.spec.id; });
    return tasks;
  }

  Status DeleteTask(const std::string& id) override {
    MutexLock lock(mutex_);
    return records_->Write(
        {.removed = {keys::Task(id)}, .removed_below = {keys::Progress(id), keys::LogKeys(id)}});
  }

  Result<Progress> LoadProgress(const std::string& task_id) override {
    MutexLock lock(mutex_);
    const std::string prefix = keys::Progress(task_id);
    CDC_ASSIGN_OR_RETURN(const auto records, records_->Read(prefix));
    ProgressReader reader;
    for (const auto& [key, value] : records) {
      const Status added = reader.Add(std::string_view(key).substr(prefix.size()), value);
      if (!added.ok()) {
        return Damaged(key, added.message());
      }
    }
    return reader.Take();
  }

  Status SaveAllCheckpoints(const Checkpoints& checkpoints) override {
    MutexLock lock(mutex_);
    RecordChanges changes;
    for (const auto& [task_id, channels] : checkpoints) {
      for (const ChannelCheckpoint& channel : channels) {
        changes.put[CheckpointKey(task_id, channel.channel)] = values::Encode(channel);
        for (const auto& [collection, log_keys] : channel.log_keys) {
          CDC_RETURN_IF_ERROR(AddLogKeys(task_id, collection, log_keys, &changes));
        }
      }
    }
    // A crash here leaves every task at its previous checkpoint: records are read again, none is
    // lost.
    FaultPoint("in_checkpoint");
    return records_->Write(changes);
  }

  Status PutCollection(const std::string& task_id,
                       const ReplicatedCollection& collection) override {
    MutexLock lock(mutex_);
    return records_->Write(
        {.put = {{KeyOf(task_id, "collection", collection.id), values::Encode(collection)}}});
  }

  Status RemoveCollection(const std::string& task_id, CollectionId id) override {
    MutexLock lock(mutex_);
    return records_->Write(
        {.removed = {KeyOf(task_id, "collection", id), KeyOf(task_id, "snapshot", id),
                     KeyOf(task_id, "aside", id)},
         .removed_below = {KeyOf(task_id, "segment", id) + "/", keys::LogKeys(task_id, id)}});
  }

  Result<std::vector<std::string>> LoadLogKeys(const std::string& task_id,
                                               CollectionId id) override {
    MutexLock lock(mutex_);
    CDC_ASSIGN_OR_RETURN(auto records, records_->Read(keys::LogKeys(task_id, id)));
    std::vector<std::string> found;
    for (auto& [key, value] : records) {
      found.push_back(std::move(value));
    }
    return found;
  }

  Status PutSnapshot(const std::string& task_id, const SnapshotProgress& snapshot) override {
    MutexLock lock(mutex_);
    RecordChanges changes;
    AddSnapshot(task_id, snapshot, &changes);
    return records_->Write(changes);
  }

  Status ReplaceProgress(const std::string& task_id, const Progress& progress) override {
    MutexLock lock(mutex_);
    CDC_ASSIGN_OR_RETURN(const RecordChanges changes, ChangesTo(task_id, progress));
    return records_->Write(changes);
  }

  Status ReplaceTask(const TaskRecord& task, const Progress& progress) override {
    const std::string& id = task.spec.id;
    MutexLock lock(mutex_);
    CDC_ASSIGN_OR_RETURN(RecordChanges changes, ChangesTo(id, progress));
    changes.removed_below.push_back(keys::Progress(id) + "collection/");
    changes.removed_below.push_back(DatabaseKey(id, ""));
    for (const std::string& database : progress.databases) {
      changes.put[DatabaseKey(id, database)] = "";
    }
    changes.put[keys::Task(id)] = values::Encode(task);
    return records_->Write(changes);
  }

  Status PutSource(const std::string& task_id, const std::string& identity) override {
    MutexLock lock(mutex_);
    return records_->Write({.put = {{keys::Progress(task_id) + "source", identity}}});
  }

  Status PutDatabase(const std::string& task_id, const std::string& database) override {
    MutexLock lock(mutex_);
    return records_->Write({.put = {{DatabaseKey(task_id, database), ""}}});
  }

  Status RemoveDatabase(const std::string& task_id, const std::string& database) override {
    MutexLock lock(mutex_);
    return records_->Write({.removed = {DatabaseKey(task_id, database)}});
  }

  Status PutAccess(const std::string& task_id, const AccessSet& items) override {
    return ChangeAccess(task_id,
                        [&](AccessSet* kept) { kept->insert(items.begin(), items.end()); });
  }

  Status RemoveAccess(const std::string& task_id, const AccessSet& items) override {
    return ChangeAccess(task_id, [&](AccessSet* kept) {
      for (const AccessItem& item : items) {
        kept->erase(item);
      }
    });
  }

 private:
  Result<RecordChanges> ChangesTo(const std::string& task_id, const Progress& progress)
      CDC_REQUIRES(mutex_) {
    const std::string prefix = keys::Progress(task_id);
    RecordChanges changes{.removed_below = {prefix + "checkpoint/", prefix + "snapshot/",
                                            prefix + "segment/", prefix + "aside/"}};
    for (const ChannelCheckpoint& channel : progress.channels) {
      changes.put[CheckpointKey(task_id, channel.channel)] = values::Encode(channel);
    }
    std::set<CollectionId> keep;
    for (const SnapshotProgress& snapshot : progress.snapshots) {
      AddSnapshot(task_id, snapshot, &changes);
      if (KeepsLogKeys(snapshot)) {
        keep.insert(snapshot.collection);
      }
    }
    // Those of a copy that is gone do not count for another one.
    CDC_ASSIGN_OR_RETURN(const auto before, records_->ReadKeys(prefix + "snapshot/"));
    for (const std::string& key : before) {
      int64_t id = 0;
      if (keys::ReadNumber(keys::NextPart(key, prefix + "snapshot/"), &id) &&
          !keep.contains({id})) {
        changes.removed_below.push_back(keys::LogKeys(task_id, {id}));
      }
    }
    for (const AsideCollection& aside : progress.aside) {
      changes.put[KeyOf(task_id, "aside", aside.collection)] = values::Encode(aside);
    }
    for (const ReplicatedCollection& collection : progress.collections) {
      changes.put[KeyOf(task_id, "collection", collection.id)] = values::Encode(collection);
    }
    return changes;
  }

  static std::string DatabaseKey(const std::string& task_id, const std::string& database) {
    return keys::Progress(task_id) + "database/" + keys::Escape(database);
  }

  Status Damaged(const std::string& key, const std::string& what) CDC_REQUIRES(mutex_) {
    return DataLossError("metastore " + records_->Place() + ": record " + key +
                         " is damaged: " + what);
  }

  // The version is written with the content, so it says that there is nothing left to begin with.
  Status Begin(const ReadInitialContent& read_initial) CDC_REQUIRES(mutex_) {
    RecordChanges changes{.put = {{keys::kVersion, std::to_string(keys::kLayoutVersion)}}};
    if (read_initial) {
      CDC_ASSIGN_OR_RETURN(const InitialContent content, read_initial());
      for (const TaskRecord& task : content.tasks) {
        changes.put[keys::Task(task.spec.id)] = values::Encode(task);
      }
      for (const auto& [task_id, channels] : content.checkpoints) {
        for (const ChannelCheckpoint& channel : channels) {
          changes.put[CheckpointKey(task_id, channel.channel)] = values::Encode(channel);
        }
      }
    }
    return records_->Write(changes);
  }

  Status CheckVersion(const ReadInitialContent& read_initial) CDC_REQUIRES(mutex_) {
    CDC_ASSIGN_OR_RETURN(const auto found, records_->Read(keys::kVersion));
    if (found.empty()) {
      return Begin(read_initial);
    }
    int64_t version = 0;
    if (!keys::ReadNumber(found.begin()->second, &version)) {
      return Damaged(keys::kVersion, "no number");
    }
    if (version > keys::kLayoutVersion) {
      return FailedPreconditionError(
          "metastore " + records_->Place() + " was written by a newer program: version " +
          std::to_string(version) + " > " + std::to_string(keys::kLayoutVersion));
    }
    return OkStatus();
  }

  // A create that was interrupted may have left progress without its task. Also finds the number of
  // the next log keys.
  Status DropOrphans() CDC_REQUIRES(mutex_) {
    CDC_ASSIGN_OR_RETURN(const auto tasks, records_->ReadKeys(keys::kTasks));
    const std::set<std::string> known(tasks.begin(), tasks.end());
    std::set<std::string> orphans;
    for (const char* prefix : {keys::kProgress, keys::kLogKeys}) {
      CDC_ASSIGN_OR_RETURN(const auto stored, records_->ReadKeys(prefix));
      for (const std::string& key : stored) {
        const std::string task(keys::NextPart(key, prefix));
        if (!known.contains(keys::kTasks + task)) {
          orphans.insert(prefix + task + "/");
        }
        int64_t number = 0;
        if (prefix == keys::kLogKeys && keys::ReadNumber(key.substr(key.rfind('/') + 1), &number)) {
          next_log_keys_ = std::max(next_log_keys_, static_cast<uint64_t>(number) + 1);
        }
      }
    }
    return orphans.empty() ? OkStatus()
                           : records_->Write({.removed_below = {orphans.begin(), orphans.end()}});
  }

  Status AddLogKeys(const std::string& task_id,
                    CollectionId id,
                    const std::string& log_keys,
                    RecordChanges* changes) CDC_REQUIRES(mutex_) {
    const std::string key = KeyOf(task_id, "snapshot", id);
    CDC_ASSIGN_OR_RETURN(const auto found, records_->Read(key));
    const auto record = found.find(key);  // a longer number may begin with this one
    if (record == found.end()) {
      return OkStatus();
    }
    const Result<SnapshotProgress> snapshot = values::DecodeSnapshot(id, record->second);
    if (!snapshot.ok()) {
      return Damaged(key, snapshot.status().message());
    }
    if (KeepsLogKeys(*snapshot)) {
      changes->put[keys::LogKeys(task_id, id) + keys::Number(next_log_keys_++)] = log_keys;
    }
    return OkStatus();
  }

  static void AddSnapshot(const std::string& task_id,
                          const SnapshotProgress& snapshot,
                          RecordChanges* changes) {
    const CollectionId id = snapshot.collection;
    changes->put[KeyOf(task_id, "snapshot", id)] = values::Encode(snapshot);
    for (const int64_t segment : snapshot.segments) {
      changes->put[KeyOf(task_id, "segment", id) + "/" + std::to_string(segment)] = "";
    }
    if (!KeepsLogKeys(snapshot)) {
      changes->removed_below.push_back(keys::LogKeys(task_id, id));
    }
  }

  template <class Change>
  Status ChangeAccess(const std::string& task_id, Change change) {
    MutexLock lock(mutex_);
    const std::string key = keys::Progress(task_id) + "access";
    CDC_ASSIGN_OR_RETURN(const auto found, records_->Read(key));
    AccessSet items;
    if (!found.empty()) {
      Result<AccessSet> stored = values::DecodeAccess(found.begin()->second);
      if (!stored.ok()) {
        return Damaged(key, stored.status().message());
      }
      items = *std::move(stored);
    }
    change(&items);
    return records_->Write({.put = {{key, values::Encode(items)}}});
  }

  Mutex mutex_;
  const std::unique_ptr<RecordStore> records_;  // its calls need the mutex
  uint64_t next_log_keys_ CDC_GUARDED_BY(mutex_) = 1;
};

}  // namespace

ReadInitialContent InitialContentOf(NewStore if_new,
                                    const std::string& place,
                                    ReadInitialContent read_legacy) {
  switch (if_new) {
    case NewStore::kTakeOver: return read_legacy;
    case NewStore::kEmpty: return {};
    case NewStore::kRefuse: break;
  }
  return [place]() -> Result<InitialContent> {
    return NotFoundError("there is no metastore in " + place + ": check metaStoreConfig");
  };
}

Result<std::unique_ptr<MetaStore>> OpenRecordMetaStore(std::unique_ptr<RecordStore> records,
                                                       const ReadInitialContent& read_initial) {
  auto store = std::make_unique<RecordMetaStore>(std::move(records));
  CDC_RETURN_IF_ERROR(store->Open(read_initial));
  return std::unique_ptr<MetaStore>(std::move(store));
}

}  // namespace cdc
