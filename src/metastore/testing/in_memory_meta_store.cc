#include "metastore/testing/in_memory_meta_store.h"

#include <utility>

namespace cdc {

void InMemoryMetaStore::FailWith(Status status) {
  MutexLock lock(mutex_);
  failure_ = std::move(status);
}

Status InMemoryMetaStore::PutTask(const TaskRecord& task) {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(failure_);
  tasks_[task.spec.id] = task;
  return OkStatus();
}

Result<std::vector<TaskRecord>> InMemoryMetaStore::ListTasks() {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(failure_);
  std::vector<TaskRecord> records;
  for (const auto& [id, record] : tasks_) {
    records.push_back(record);
  }
  return records;
}

Status InMemoryMetaStore::DeleteTask(const std::string& id) {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(failure_);
  tasks_.erase(id);
  progress_.erase(id);
  return OkStatus();
}

Result<MetaStore::Progress> InMemoryMetaStore::LoadProgress(const std::string& task_id) {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(failure_);
  Progress progress;
  const auto found = progress_.find(task_id);
  if (found == progress_.end()) {
    return progress;
  }
  for (const auto& [channel, checkpoint] : found->second.channels) {
    progress.channels.push_back(checkpoint);
  }
  for (const auto& [id, collection] : found->second.collections) {
    progress.collections.push_back(collection);
  }
  for (const auto& [id, snapshot] : found->second.snapshots) {
    progress.snapshots.push_back(snapshot);
  }
  for (const auto& [id, aside] : found->second.aside) {
    progress.aside.push_back(aside);
  }
  progress.databases.assign(found->second.databases.begin(), found->second.databases.end());
  progress.access = found->second.access;
  progress.source = found->second.source;
  return progress;
}

Status InMemoryMetaStore::SaveAllCheckpoints(const Checkpoints& checkpoints) {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(failure_);
  for (const auto& [task_id, channels] : checkpoints) {
    TaskProgress& kept = progress_[task_id];
    for (ChannelCheckpoint channel : channels) {
      for (const auto& [collection, keys] : std::exchange(channel.log_keys, {})) {
        kept.log_keys[collection].push_back(keys);
      }
      kept.channels[channel.channel] = std::move(channel);
    }
    kept.ForgetUnusedLogKeys();
  }
  return OkStatus();
}

Status InMemoryMetaStore::PutCollection(const std::string& task_id,
                                        const ReplicatedCollection& collection) {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(failure_);
  progress_[task_id].collections[collection.id] = collection;
  return OkStatus();
}

Status InMemoryMetaStore::RemoveCollection(const std::string& task_id, CollectionId id) {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(failure_);
  progress_[task_id].collections.erase(id);
  progress_[task_id].snapshots.erase(id);
  progress_[task_id].ForgetUnusedLogKeys();
  progress_[task_id].aside.erase(id);
  return OkStatus();
}

Status InMemoryMetaStore::PutSnapshot(const std::string& task_id,
                                      const SnapshotProgress& snapshot) {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(failure_);
  SnapshotProgress& kept = progress_[task_id].snapshots[snapshot.collection];
  std::set<int64_t> segments = std::move(kept.segments);
  segments.insert(snapshot.segments.begin(), snapshot.segments.end());
  kept = snapshot;
  kept.segments = std::move(segments);
  progress_[task_id].ForgetUnusedLogKeys();
  return OkStatus();
}

Result<std::vector<std::string>> InMemoryMetaStore::LoadLogKeys(const std::string& task_id,
                                                                CollectionId id) {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(failure_);
  return progress_[task_id].log_keys[id];
}

Status InMemoryMetaStore::ReplaceProgress(const std::string& task_id, const Progress& progress) {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(failure_);
  TaskProgress& kept = progress_[task_id];
  kept.channels.clear();
  kept.snapshots.clear();
  kept.aside.clear();
  for (const ChannelCheckpoint& channel : progress.channels) {
    kept.channels[channel.channel] = channel;
  }
  for (const SnapshotProgress& snapshot : progress.snapshots) {
    kept.snapshots[snapshot.collection] = snapshot;
  }
  for (const AsideCollection& aside : progress.aside) {
    kept.aside[aside.collection] = aside;
  }
  for (const ReplicatedCollection& collection : progress.collections) {
    kept.collections[collection.id] = collection;
  }
  kept.ForgetUnusedLogKeys();
  return OkStatus();
}

Status InMemoryMetaStore::ReplaceTask(const TaskRecord& task, const Progress& progress) {
  {
    MutexLock lock(mutex_);
    CDC_RETURN_IF_ERROR(failure_);
    tasks_[task.spec.id] = task;
    TaskProgress& kept = progress_[task.spec.id];
    kept.collections.clear();
    kept.databases = {progress.databases.begin(), progress.databases.end()};
  }
  return ReplaceProgress(task.spec.id, progress);
}

Status InMemoryMetaStore::PutSource(const std::string& task_id, const std::string& identity) {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(failure_);
  progress_[task_id].source = identity;
  return OkStatus();
}

Status InMemoryMetaStore::PutDatabase(const std::string& task_id, const std::string& database) {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(failure_);
  progress_[task_id].databases.insert(database);
  return OkStatus();
}

Status InMemoryMetaStore::RemoveDatabase(const std::string& task_id, const std::string& database) {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(failure_);
  progress_[task_id].databases.erase(database);
  return OkStatus();
}

Status InMemoryMetaStore::PutAccess(const std::string& task_id, const AccessSet& items) {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(failure_);
  progress_[task_id].access.insert(items.begin(), items.end());
  return OkStatus();
}

Status InMemoryMetaStore::RemoveAccess(const std::string& task_id, const AccessSet& items) {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(failure_);
  for (const AccessItem& item : items) {
    progress_[task_id].access.erase(item);
  }
  return OkStatus();
}

}  // namespace cdc
