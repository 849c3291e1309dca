#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/access.h"
#include "model/task.h"
#include "model/task_progress.h"

namespace cdc {

// Tasks and their progress, durable when a call returns. Thread-safe. Errors: kUnavailable (cannot
// be written now), kFailedPrecondition (in use by another server), kDataLoss (cannot be read).
// It has a method for each kind of thing that is stored, so that each call is one transaction.
class MetaStore {
 public:
  virtual ~MetaStore() = default;

  // Whether no other server can have taken the store over. Quick: whoever writes to a target asks
  // first, since a process may have been suspended for any time. kUnavailable: not certain at
  // present. kFailedPrecondition: another one has, so will every other call fail.
  virtual Status CheckOwned() const = 0;

  // Creates or replaces.
  virtual Status PutTask(const TaskRecord& task) = 0;
  // Sorted by id.
  virtual Result<std::vector<TaskRecord>> ListTasks() = 0;
  // Deletes the task, its checkpoints and its collections in one transaction.
  virtual Status DeleteTask(const std::string& id) = 0;

  // What a running task stores; each call is one transaction.
  struct Progress {
    std::vector<ChannelCheckpoint> channels;
    std::vector<ReplicatedCollection> collections;
    std::vector<SnapshotProgress> snapshots;  // sorted by collection
    std::vector<AsideCollection> aside;       // sorted by collection
    std::vector<std::string> databases;       // source databases the task has replicated, sorted
    AccessSet access;                         // users and roles of the target that are the task's
    std::string source;  // Catalog::Identity of the source; empty: not yet known
  };
  virtual Result<Progress> LoadProgress(const std::string& task_id) = 0;
  // For any number of tasks, by id, in one transaction, with their log_keys.
  using Checkpoints = std::map<std::string, std::vector<ChannelCheckpoint>>;
  virtual Status SaveAllCheckpoints(const Checkpoints& checkpoints) = 0;
  Status SaveCheckpoints(const std::string& task_id,
                         const std::vector<ChannelCheckpoint>& channels) {
    return SaveAllCheckpoints({{task_id, channels}});
  }
  virtual Status PutCollection(const std::string& task_id,
                               const ReplicatedCollection& collection) = 0;
  // With its snapshot, and what is known of it aside.
  virtual Status RemoveCollection(const std::string& task_id, CollectionId id) = 0;
  // The log_keys saved with the checkpoints of a copy that is not done and that its log does not
  // wait for; of others they are forgotten.
  virtual Result<std::vector<std::string>> LoadLogKeys(const std::string& task_id,
                                                       CollectionId id) = 0;
  // Creates or replaces; the segments that were copied stay, and those in `snapshot` are added.
  virtual Status PutSnapshot(const std::string& task_id, const SnapshotProgress& snapshot) = 0;
  // Replaces the channels, snapshots and aside of a task that is not running, and puts its
  // collections; the rest of `progress` is not looked at.
  virtual Status ReplaceProgress(const std::string& task_id, const Progress& progress) = 0;
  // Replaces a task that is not running and all that ReplaceProgress replaces, and also its
  // collections and databases: those that are not in `progress` are forgotten.
  virtual Status ReplaceTask(const TaskRecord& task, const Progress& progress) = 0;
  // Replaces the previous one.
  virtual Status PutSource(const std::string& task_id, const std::string& identity) = 0;
  // Adding one that exists and removing one that does not both succeed.
  virtual Status PutDatabase(const std::string& task_id, const std::string& database) = 0;
  virtual Status RemoveDatabase(const std::string& task_id, const std::string& database) = 0;
  virtual Status PutAccess(const std::string& task_id, const AccessSet& items) = 0;
  virtual Status RemoveAccess(const std::string& task_id, const AccessSet& items) = 0;
};

}  // namespace cdc
