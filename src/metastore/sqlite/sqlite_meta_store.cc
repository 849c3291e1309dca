#include "metastore/sqlite/sqlite_meta_store.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault_point.h"
#include "base/mutex.h"
#include "metastore/meta_store.h"
#include "metastore/sqlite/file_lock.h"
#include "metastore/sqlite/sqlite.h"
#include "metastore/sqlite/sqlite_access.h"
#include "metastore/sqlite/sqlite_aside.h"
#include "metastore/sqlite/sqlite_collections.h"
#include "metastore/sqlite/sqlite_progress.h"
#include "metastore/sqlite/sqlite_schema.h"
#include "metastore/sqlite/sqlite_snapshots.h"
#include "metastore/sqlite/sqlite_tasks.h"

namespace cdc {
namespace {

using sqlite::Transaction;

// Creates the file with its mode before SQLite does: SQLite's journal files inherit the mode.
Status CreatePrivately(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (descriptor < 0) {
    return UnavailableError("cannot open the metastore file " + path + ": " + std::strerror(errno));
  }
  const bool changed = fchmod(descriptor, 0600) == 0;
  const int error = errno;
  close(descriptor);
  return changed ? OkStatus()
                 : UnavailableError("cannot set the mode of the metastore file " + path + ": " +
                                    std::strerror(error));
}

// Makes each call one transaction; the tables know their rows. A single statement is a transaction
// by itself.
class SqliteMetaStore final : public MetaStore {
 public:
  Status Open(const std::string& path) {
    MutexLock lock(mutex_);
    // The lock comes first: without it nothing may be changed, not even by the checks of the
    // schema.
    CDC_RETURN_IF_ERROR(file_lock_.Acquire(path));
    CDC_RETURN_IF_ERROR(CreatePrivately(path));
    CDC_RETURN_IF_ERROR(database_.Open(path));
    CDC_RETURN_IF_ERROR(OpenSqliteSchema(&database_, path));
    CDC_RETURN_IF_ERROR(tasks_.Prepare(&database_));
    CDC_RETURN_IF_ERROR(progress_.Prepare(&database_));
    CDC_RETURN_IF_ERROR(snapshots_.Prepare(&database_));
    CDC_RETURN_IF_ERROR(aside_.Prepare(&database_));
    CDC_RETURN_IF_ERROR(access_.Prepare(&database_));
    return collections_.Prepare(&database_);
  }

  // The lock of its file stays while the process lives.
  Status CheckOwned() const override { return OkStatus(); }

  Status PutTask(const TaskRecord& task) override {
    MutexLock lock(mutex_);
    return tasks_.Put(task);
  }

  Result<std::vector<TaskRecord>> ListTasks() override {
    MutexLock lock(mutex_);
    return tasks_.List();
  }

  Status DeleteTask(const std::string& id) override {
    MutexLock lock(mutex_);
    Transaction transaction(&database_);
    CDC_RETURN_IF_ERROR(transaction.Begin());
    CDC_RETURN_IF_ERROR(tasks_.Remove(id));
    CDC_RETURN_IF_ERROR(progress_.RemoveAll(id));
    CDC_RETURN_IF_ERROR(collections_.RemoveAll(id));
    CDC_RETURN_IF_ERROR(snapshots_.RemoveAll(id));
    CDC_RETURN_IF_ERROR(aside_.RemoveAll(id));
    CDC_RETURN_IF_ERROR(access_.RemoveAll(id));
    return transaction.Commit();
  }

  Result<Progress> LoadProgress(const std::string& task_id) override {
    MutexLock lock(mutex_);
    Progress progress;
    CDC_ASSIGN_OR_RETURN(progress.channels, progress_.LoadCheckpoints(task_id));
    CDC_ASSIGN_OR_RETURN(progress.collections, collections_.Load(task_id));
    CDC_ASSIGN_OR_RETURN(progress.snapshots, snapshots_.Load(task_id));
    CDC_ASSIGN_OR_RETURN(progress.aside, aside_.Load(task_id));
    CDC_ASSIGN_OR_RETURN(progress.databases, progress_.LoadDatabases(task_id));
    CDC_ASSIGN_OR_RETURN(progress.access, access_.Load(task_id));
    CDC_ASSIGN_OR_RETURN(progress.source, progress_.LoadSource(task_id));
    return progress;
  }

  Status SaveAllCheckpoints(const Checkpoints& checkpoints) override {
    MutexLock lock(mutex_);
    Transaction transaction(&database_);
    CDC_RETURN_IF_ERROR(transaction.Begin());
    // One transaction for all tasks costs one fsync, however many they are.
    for (const auto& [task_id, channels] : checkpoints) {
      for (const ChannelCheckpoint& channel : channels) {
        CDC_RETURN_IF_ERROR(progress_.PutCheckpoint(task_id, channel));
        for (const auto& [collection, keys] : channel.log_keys) {
          CDC_RETURN_IF_ERROR(snapshots_.AddLogKeys(task_id, collection, keys));
        }
      }
    }
    // A crash here leaves every task at its previous checkpoint: records are read again, none is
    // lost.
    FaultPoint("in_checkpoint");
    return transaction.Commit();
  }

  Status PutCollection(const std::string& task_id,
                       const ReplicatedCollection& collection) override {
    MutexLock lock(mutex_);
    Transaction transaction(&database_);
    CDC_RETURN_IF_ERROR(transaction.Begin());
    CDC_RETURN_IF_ERROR(collections_.Put(task_id, collection));
    return transaction.Commit();
  }

  Status RemoveCollection(const std::string& task_id, CollectionId id) override {
    MutexLock lock(mutex_);
    Transaction transaction(&database_);
    CDC_RETURN_IF_ERROR(transaction.Begin());
    CDC_RETURN_IF_ERROR(collections_.Remove(task_id, id));
    CDC_RETURN_IF_ERROR(snapshots_.Remove(task_id, id));
    CDC_RETURN_IF_ERROR(aside_.Remove(task_id, id));
    return transaction.Commit();
  }

  Result<std::vector<std::string>> LoadLogKeys(const std::string& task_id,
                                               CollectionId id) override {
    MutexLock lock(mutex_);
    return snapshots_.LoadLogKeys(task_id, id);
  }

  Status PutSnapshot(const std::string& task_id, const SnapshotProgress& snapshot) override {
    MutexLock lock(mutex_);
    Transaction transaction(&database_);
    CDC_RETURN_IF_ERROR(transaction.Begin());
    CDC_RETURN_IF_ERROR(snapshots_.Put(task_id, snapshot));
    return transaction.Commit();
  }

  Status ReplaceProgress(const std::string& task_id, const Progress& progress) override {
    MutexLock lock(mutex_);
    Transaction transaction(&database_);
    CDC_RETURN_IF_ERROR(transaction.Begin());
    CDC_RETURN_IF_ERROR(Replace(task_id, progress));
    return transaction.Commit();
  }

  Status ReplaceTask(const TaskRecord& task, const Progress& progress) override {
    const std::string& id = task.spec.id;
    MutexLock lock(mutex_);
    Transaction transaction(&database_);
    CDC_RETURN_IF_ERROR(transaction.Begin());
    CDC_RETURN_IF_ERROR(tasks_.Put(task));
    CDC_RETURN_IF_ERROR(collections_.RemoveAll(id));
    CDC_RETURN_IF_ERROR(Replace(id, progress));
    CDC_ASSIGN_OR_RETURN(const std::vector<std::string> databases, progress_.LoadDatabases(id));
    for (const std::string& database : databases) {
      CDC_RETURN_IF_ERROR(progress_.RemoveDatabase(id, database));
    }
    for (const std::string& database : progress.databases) {
      CDC_RETURN_IF_ERROR(progress_.PutDatabase(id, database));
    }
    return transaction.Commit();
  }

  Status PutSource(const std::string& task_id, const std::string& identity) override {
    MutexLock lock(mutex_);
    return progress_.PutSource(task_id, identity);
  }

  Status PutDatabase(const std::string& task_id, const std::string& database) override {
    MutexLock lock(mutex_);
    return progress_.PutDatabase(task_id, database);
  }

  Status RemoveDatabase(const std::string& task_id, const std::string& database) override {
    MutexLock lock(mutex_);
    return progress_.RemoveDatabase(task_id, database);
  }

  Status PutAccess(const std::string& task_id, const AccessSet& items) override {
    MutexLock lock(mutex_);
    Transaction transaction(&database_);
    CDC_RETURN_IF_ERROR(transaction.Begin());
    CDC_RETURN_IF_ERROR(access_.Put(task_id, items));
    return transaction.Commit();
  }

  Status RemoveAccess(const std::string& task_id, const AccessSet& items) override {
    MutexLock lock(mutex_);
    Transaction transaction(&database_);
    CDC_RETURN_IF_ERROR(transaction.Begin());
    CDC_RETURN_IF_ERROR(access_.Remove(task_id, items));
    return transaction.Commit();
  }

 private:
  Status Replace(const std::string& task_id, const Progress& progress) CDC_REQUIRES(mutex_) {
    CDC_RETURN_IF_ERROR(progress_.RemoveCheckpoints(task_id));
    CDC_RETURN_IF_ERROR(snapshots_.Replace(task_id, progress.snapshots));
    CDC_RETURN_IF_ERROR(aside_.RemoveAll(task_id));
    for (const ChannelCheckpoint& channel : progress.channels) {
      CDC_RETURN_IF_ERROR(progress_.PutCheckpoint(task_id, channel));
    }
    for (const AsideCollection& aside : progress.aside) {
      CDC_RETURN_IF_ERROR(aside_.Put(task_id, aside));
    }
    for (const ReplicatedCollection& collection : progress.collections) {
      CDC_RETURN_IF_ERROR(collections_.Put(task_id, collection));
    }
    return OkStatus();
  }

  Mutex mutex_;
  FileLock file_lock_;  // before the database: released after it is closed
  sqlite::Database database_ CDC_GUARDED_BY(mutex_);
  SqliteTasks tasks_ CDC_GUARDED_BY(mutex_);
  SqliteProgress progress_ CDC_GUARDED_BY(mutex_);
  SqliteCollections collections_ CDC_GUARDED_BY(mutex_);
  SqliteSnapshots snapshots_ CDC_GUARDED_BY(mutex_);
  SqliteAside aside_ CDC_GUARDED_BY(mutex_);
  SqliteAccess access_ CDC_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::unique_ptr<MetaStore>> OpenSqliteMetaStore(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  auto store = std::make_unique<SqliteMetaStore>();
  CDC_RETURN_IF_ERROR(store->Open(error ? path : absolute.lexically_normal().string()));
  return std::unique_ptr<MetaStore>(std::move(store));
}

}  // namespace cdc
