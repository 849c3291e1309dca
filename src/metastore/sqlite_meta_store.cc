#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fault_point.h"
#include "base/mutex.h"
#include "metastore/file_lock.h"
#include "metastore/meta_store.h"
#include "metastore/msg_id_list.h"
#include "metastore/sqlite.h"
#include "metastore/sqlite_schema.h"
#include "metastore/task_spec_json.h"

namespace cdc {
namespace {

using sqlite::Database;
using sqlite::Statement;
using sqlite::Transaction;

// SQLite's integers are signed; a timestamp keeps its bits.
int64_t ToStored(Timestamp ts) { return static_cast<int64_t>(ts.value); }
Timestamp FromStored(int64_t value) { return {static_cast<uint64_t>(value)}; }

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

class SqliteMetaStore final : public MetaStore {
 public:
  explicit SqliteMetaStore(std::string path) : path_(std::move(path)) {}

  Status Open() {
    MutexLock lock(mutex_);
    // The lock comes first: without it nothing may be changed, not even by the checks of the
    // schema.
    CDC_RETURN_IF_ERROR(file_lock_.Acquire(path_));
    CDC_RETURN_IF_ERROR(CreatePrivately(path_));
    CDC_RETURN_IF_ERROR(database_.Open(path_));
    CDC_RETURN_IF_ERROR(OpenSqliteSchema(&database_, path_));
    return PrepareAll();
  }

  Status PutTask(const TaskRecord& task) override {
    MutexLock lock(mutex_);
    return put_task_.BindText(0, task.spec.id)
        .BindText(1, EncodeTaskSpec(task.spec))
        .Bind(2, static_cast<int64_t>(task.state))
        .BindText(3, task.reason)
        .Execute();
  }

  Result<std::vector<TaskRecord>> ListTasks() override {
    MutexLock lock(mutex_);
    std::vector<TaskRecord> records;
    for (;;) {
      CDC_ASSIGN_OR_RETURN(const bool row, list_tasks_.Step());
      if (!row) {
        return records;
      }
      Result<TaskRecord> record = ReadTask(list_tasks_);
      if (!record.ok()) {
        // A statement left open holds a read transaction, which keeps the WAL from being reset.
        list_tasks_.Reset();
        return record.status();
      }
      records.push_back(*std::move(record));
    }
  }

  Status DeleteTask(const std::string& id) override {
    MutexLock lock(mutex_);
    Transaction transaction(&database_);
    CDC_RETURN_IF_ERROR(transaction.Begin());
    for (Statement& statement : delete_task_) {
      CDC_RETURN_IF_ERROR(statement.BindText(0, id).Execute());
    }
    return transaction.Commit();
  }

  Result<Progress> LoadProgress(const std::string& task_id) override {
    MutexLock lock(mutex_);
    Progress progress;
    CDC_RETURN_IF_ERROR(LoadCheckpoints(task_id, &progress.channels));
    CDC_RETURN_IF_ERROR(LoadCollections(task_id, &progress.collections));
    load_databases_.BindText(0, task_id);
    for (;;) {
      CDC_ASSIGN_OR_RETURN(const bool row, load_databases_.Step());
      if (!row) {
        break;
      }
      progress.databases.push_back(load_databases_.Text(0));
    }
    CDC_ASSIGN_OR_RETURN(const bool has_source, load_source_.BindText(0, task_id).Step());
    if (has_source) {
      progress.source = load_source_.Text(0);
      load_source_.Reset();
    }
    return progress;
  }

  Status SaveAllCheckpoints(const Checkpoints& checkpoints) override {
    MutexLock lock(mutex_);
    Transaction transaction(&database_);
    CDC_RETURN_IF_ERROR(transaction.Begin());
    // One transaction for all tasks costs one fsync, however many they are.
    for (const auto& [task_id, channels] : checkpoints) {
      for (const ChannelCheckpoint& channel : channels) {
        CDC_RETURN_IF_ERROR(put_checkpoint_.BindText(0, task_id)
                                .BindText(1, channel.channel)
                                .BindBlob(2, channel.position.bytes)
                                .Bind(3, ToStored(channel.ts))
                                .BindBlob(4, EncodeMsgIds(channel.applied))
                                .Bind(5, ToStored(channel.horizon))
                                .Execute());
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
    // Replace the whole collection: its channels, skips and partitions may have become fewer.
    CDC_RETURN_IF_ERROR(DeleteCollectionRows(task_id, collection.id));
    const CollectionName renamed_from = collection.renamed_from.value_or(CollectionName());
    CDC_RETURN_IF_ERROR(put_collection_.BindText(0, task_id)
                            .Bind(1, collection.id.value)
                            .BindText(2, collection.source.database)
                            .BindText(3, collection.source.collection)
                            .BindText(4, collection.target.database)
                            .BindText(5, collection.target.collection)
                            .Bind(6, ToStored(collection.created))
                            .Bind(7, collection.on_target ? 1 : 0)
                            .BindText(8, renamed_from.database)
                            .BindText(9, renamed_from.collection)
                            .Bind(10, ToStored(collection.may_hold_until))
                            .Bind(11, collection.seen_on_target ? 1 : 0)
                            .Execute());
    for (size_t i = 0; i < collection.pchannels.size(); ++i) {
      CDC_RETURN_IF_ERROR(put_channel_.BindText(0, task_id)
                              .Bind(1, collection.id.value)
                              .Bind(2, static_cast<int64_t>(i))
                              .BindText(3, collection.pchannels[i])
                              .Execute());
    }
    for (const auto& [channel, position] : collection.skip_until) {
      CDC_RETURN_IF_ERROR(put_skip_.BindText(0, task_id)
                              .Bind(1, collection.id.value)
                              .BindText(2, channel)
                              .BindBlob(3, position.bytes)
                              .Execute());
    }
    for (const auto& [partition, name] : collection.partitions) {
      CDC_RETURN_IF_ERROR(put_partition_.BindText(0, task_id)
                              .Bind(1, collection.id.value)
                              .Bind(2, partition.value)
                              .BindText(3, name)
                              .Execute());
    }
    return transaction.Commit();
  }

  Status RemoveCollection(const std::string& task_id, CollectionId id) override {
    MutexLock lock(mutex_);
    Transaction transaction(&database_);
    CDC_RETURN_IF_ERROR(transaction.Begin());
    CDC_RETURN_IF_ERROR(DeleteCollectionRows(task_id, id));
    return transaction.Commit();
  }

  Status PutSource(const std::string& task_id, const std::string& identity) override {
    MutexLock lock(mutex_);
    return put_source_.BindText(0, task_id).BindText(1, identity).Execute();
  }

  Status PutDatabase(const std::string& task_id, const std::string& database) override {
    MutexLock lock(mutex_);
    return put_database_.BindText(0, task_id).BindText(1, database).Execute();
  }

  Status RemoveDatabase(const std::string& task_id, const std::string& database) override {
    MutexLock lock(mutex_);
    return delete_database_.BindText(0, task_id).BindText(1, database).Execute();
  }

 private:
  Status Damaged(const std::string& what) const {
    return DataLossError("metastore file " + path_ + ": " + what);
  }

  Status PrepareAll() CDC_REQUIRES(mutex_) {
    const std::vector<std::pair<Statement*, const char*>> statements = {
        {&put_task_, "INSERT OR REPLACE INTO tasks(id, spec, state, reason) VALUES(?, ?, ?, ?)"},
        {&list_tasks_, "SELECT id, spec, state, reason FROM tasks ORDER BY id"},
        {&delete_task_[0], "DELETE FROM tasks WHERE id = ?"},
        {&delete_task_[1], "DELETE FROM checkpoints WHERE task_id = ?"},
        {&delete_task_[2], "DELETE FROM collections WHERE task_id = ?"},
        {&delete_task_[3], "DELETE FROM collection_channels WHERE task_id = ?"},
        {&delete_task_[4], "DELETE FROM collection_skips WHERE task_id = ?"},
        {&delete_task_[5], "DELETE FROM databases WHERE task_id = ?"},
        {&delete_task_[6], "DELETE FROM sources WHERE task_id = ?"},
        {&put_source_, "INSERT OR REPLACE INTO sources(task_id, identity) VALUES(?, ?)"},
        {&load_source_, "SELECT identity FROM sources WHERE task_id = ?"},
        {&put_database_, "INSERT OR IGNORE INTO databases(task_id, name) VALUES(?, ?)"},
        {&delete_database_, "DELETE FROM databases WHERE task_id = ? AND name = ?"},
        {&load_databases_, "SELECT name FROM databases WHERE task_id = ? ORDER BY name"},
        {&put_checkpoint_,
         "INSERT OR REPLACE INTO checkpoints(task_id, channel, position, ts, applied, "
         "horizon) VALUES(?, ?, ?, ?, ?, ?)"},
        {&load_checkpoints_,
         "SELECT channel, position, ts, applied, horizon FROM checkpoints WHERE task_id = ? "
         "ORDER BY channel"},
        {&put_collection_,
         "INSERT INTO collections(task_id, id, source_database, source_name, target_database, "
         "target_name, created, on_target, renamed_from_database, renamed_from_name, "
         "may_hold_until, seen_on_target) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"},
        {&put_channel_,
         "INSERT INTO collection_channels(task_id, collection_id, ordinal, channel) "
         "VALUES(?, ?, ?, ?)"},
        {&put_skip_,
         "INSERT INTO collection_skips(task_id, collection_id, channel, position) "
         "VALUES(?, ?, ?, ?)"},
        {&put_partition_,
         "INSERT INTO collection_partitions(task_id, collection_id, id, name) VALUES(?, ?, ?, ?)"},
        {&load_partitions_,
         "SELECT id, name FROM collection_partitions WHERE task_id = ? AND collection_id = ?"},
        {&delete_collection_[3],
         "DELETE FROM collection_partitions WHERE task_id = ? AND collection_id = ?"},
        {&delete_task_[7], "DELETE FROM collection_partitions WHERE task_id = ?"},
        {&load_collections_,
         "SELECT id, source_database, source_name, target_database, target_name, created, "
         "on_target, renamed_from_database, renamed_from_name, may_hold_until, "
         "seen_on_target FROM collections WHERE task_id = ? ORDER BY id"},
        {&load_channels_,
         "SELECT channel FROM collection_channels WHERE task_id = ? AND collection_id = ? "
         "ORDER BY ordinal"},
        {&load_skips_,
         "SELECT channel, position FROM collection_skips WHERE task_id = ? AND collection_id = ?"},
        {&delete_collection_[0], "DELETE FROM collections WHERE task_id = ? AND id = ?"},
        {&delete_collection_[1],
         "DELETE FROM collection_channels WHERE task_id = ? AND collection_id = ?"},
        {&delete_collection_[2],
         "DELETE FROM collection_skips WHERE task_id = ? AND collection_id = ?"}};
    for (const auto& [statement, sql] : statements) {
      const Status status = statement->Prepare(database_.handle(), sql);
      if (!status.ok()) {
        return Damaged("its tables are not ours: " + status.message());
      }
    }
    return OkStatus();
  }

  Result<TaskRecord> ReadTask(const Statement& row) const {
    const std::string id = row.Text(0);
    Result<TaskSpec> spec = DecodeTaskSpec(id, row.Text(1));
    if (!spec.ok()) {
      return Damaged(spec.status().message());
    }
    const int64_t state = row.Int(2);
    if (state < static_cast<int64_t>(TaskState::kInitial) ||
        state > static_cast<int64_t>(TaskState::kPaused)) {
      return Damaged("task " + id + " is damaged: state " + std::to_string(state));
    }
    return TaskRecord{*std::move(spec), static_cast<TaskState>(state), row.Text(3)};
  }

  Status LoadCheckpoints(const std::string& task_id, std::vector<ChannelCheckpoint>* channels)
      CDC_REQUIRES(mutex_) {
    load_checkpoints_.BindText(0, task_id);
    for (;;) {
      CDC_ASSIGN_OR_RETURN(const bool row, load_checkpoints_.Step());
      if (!row) {
        return OkStatus();
      }
      ChannelCheckpoint channel{load_checkpoints_.Text(0),
                                MsgId{load_checkpoints_.Blob(1)},
                                FromStored(load_checkpoints_.Int(2)),
                                {},
                                FromStored(load_checkpoints_.Int(4))};
      if (!DecodeMsgIds(load_checkpoints_.Blob(3), &channel.applied)) {
        load_checkpoints_.Reset();
        return Damaged("the checkpoint of task " + task_id + ", channel " + channel.channel +
                       " is damaged");
      }
      channels->push_back(std::move(channel));
    }
  }

  Status LoadCollections(const std::string& task_id, std::vector<ReplicatedCollection>* collections)
      CDC_REQUIRES(mutex_) {
    load_collections_.BindText(0, task_id);
    for (;;) {
      CDC_ASSIGN_OR_RETURN(const bool row, load_collections_.Step());
      if (!row) {
        break;
      }
      ReplicatedCollection collection;
      collection.id = {load_collections_.Int(0)};
      collection.source = {load_collections_.Text(1), load_collections_.Text(2)};
      collection.target = {load_collections_.Text(3), load_collections_.Text(4)};
      collection.created = FromStored(load_collections_.Int(5));
      collection.on_target = load_collections_.Int(6) != 0;
      if (const CollectionName from{load_collections_.Text(7), load_collections_.Text(8)};
          from != CollectionName()) {
        collection.renamed_from = from;
      }
      collection.may_hold_until = FromStored(load_collections_.Int(9));
      collection.seen_on_target = load_collections_.Int(10) != 0;
      collections->push_back(std::move(collection));
    }
    for (ReplicatedCollection& collection : *collections) {
      CDC_RETURN_IF_ERROR(LoadCollectionChannels(task_id, &collection));
    }
    return OkStatus();
  }

  Status LoadCollectionChannels(const std::string& task_id, ReplicatedCollection* collection)
      CDC_REQUIRES(mutex_) {
    load_channels_.BindText(0, task_id).Bind(1, collection->id.value);
    for (;;) {
      CDC_ASSIGN_OR_RETURN(const bool row, load_channels_.Step());
      if (!row) {
        break;
      }
      collection->pchannels.push_back(load_channels_.Text(0));
    }
    load_skips_.BindText(0, task_id).Bind(1, collection->id.value);
    for (;;) {
      CDC_ASSIGN_OR_RETURN(const bool row, load_skips_.Step());
      if (!row) {
        break;
      }
      collection->skip_until[load_skips_.Text(0)] = MsgId{load_skips_.Blob(1)};
    }
    load_partitions_.BindText(0, task_id).Bind(1, collection->id.value);
    for (;;) {
      CDC_ASSIGN_OR_RETURN(const bool row, load_partitions_.Step());
      if (!row) {
        return OkStatus();
      }
      collection->partitions[{load_partitions_.Int(0)}] = load_partitions_.Text(1);
    }
  }

  Status DeleteCollectionRows(const std::string& task_id, CollectionId id) CDC_REQUIRES(mutex_) {
    for (Statement& statement : delete_collection_) {
      CDC_RETURN_IF_ERROR(statement.BindText(0, task_id).Bind(1, id.value).Execute());
    }
    return OkStatus();
  }

  const std::string path_;
  Mutex mutex_;
  FileLock file_lock_;  // before the database: released after it is closed
  Database database_ CDC_GUARDED_BY(mutex_);
  Statement put_task_ CDC_GUARDED_BY(mutex_);
  Statement list_tasks_ CDC_GUARDED_BY(mutex_);
  Statement delete_task_[8] CDC_GUARDED_BY(mutex_);
  Statement put_source_ CDC_GUARDED_BY(mutex_);
  Statement load_source_ CDC_GUARDED_BY(mutex_);
  Statement put_database_ CDC_GUARDED_BY(mutex_);
  Statement delete_database_ CDC_GUARDED_BY(mutex_);
  Statement load_databases_ CDC_GUARDED_BY(mutex_);
  Statement put_checkpoint_ CDC_GUARDED_BY(mutex_);
  Statement load_checkpoints_ CDC_GUARDED_BY(mutex_);
  Statement put_collection_ CDC_GUARDED_BY(mutex_);
  Statement put_channel_ CDC_GUARDED_BY(mutex_);
  Statement put_skip_ CDC_GUARDED_BY(mutex_);
  Statement load_collections_ CDC_GUARDED_BY(mutex_);
  Statement load_channels_ CDC_GUARDED_BY(mutex_);
  Statement load_skips_ CDC_GUARDED_BY(mutex_);
  Statement put_partition_ CDC_GUARDED_BY(mutex_);
  Statement load_partitions_ CDC_GUARDED_BY(mutex_);
  Statement delete_collection_[4] CDC_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::unique_ptr<MetaStore>> OpenSqliteMetaStore(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  auto store =
      std::make_unique<SqliteMetaStore>(error ? path : absolute.lexically_normal().string());
  CDC_RETURN_IF_ERROR(store->Open());
  return std::unique_ptr<MetaStore>(std::move(store));
}

}  // namespace cdc
