#include "metastore/sqlite/sqlite_schema.h"

#include <cstdint>

namespace cdc {
namespace {

using sqlite::Database;
using sqlite::Transaction;

constexpr int64_t kSchemaVersion = 6;

// Progress has no foreign key to its task because it is stored before the task.
constexpr const char* kSchema = R"sql(
CREATE TABLE tasks(
  id TEXT PRIMARY KEY NOT NULL, spec TEXT NOT NULL, state INTEGER NOT NULL, reason TEXT NOT NULL);
CREATE TABLE checkpoints(
  task_id TEXT NOT NULL, channel TEXT NOT NULL, position BLOB NOT NULL, ts INTEGER NOT NULL,
  horizon INTEGER NOT NULL, applied BLOB NOT NULL, PRIMARY KEY(task_id, channel)) WITHOUT ROWID;
CREATE TABLE replays(
  task_id TEXT NOT NULL, channel TEXT NOT NULL, collection_id INTEGER NOT NULL,
  ts INTEGER NOT NULL, horizon INTEGER NOT NULL, position BLOB NOT NULL,
  PRIMARY KEY(task_id, channel, collection_id)) WITHOUT ROWID;
CREATE TABLE aside(
  task_id TEXT NOT NULL, collection_id INTEGER NOT NULL, source_database TEXT NOT NULL,
  source_name TEXT NOT NULL, reason TEXT NOT NULL, since INTEGER NOT NULL,
  PRIMARY KEY(task_id, collection_id)) WITHOUT ROWID;
CREATE TABLE aside_places(
  task_id TEXT NOT NULL, collection_id INTEGER NOT NULL, channel TEXT NOT NULL,
  position BLOB NOT NULL, ts INTEGER NOT NULL,
  PRIMARY KEY(task_id, collection_id, channel)) WITHOUT ROWID;
CREATE TABLE collections(
  task_id TEXT NOT NULL, id INTEGER NOT NULL, source_database TEXT NOT NULL,
  source_name TEXT NOT NULL, target_database TEXT NOT NULL, target_name TEXT NOT NULL,
  created INTEGER NOT NULL, on_target INTEGER NOT NULL, seen_on_target INTEGER NOT NULL,
  may_hold_until INTEGER NOT NULL,
  renamed_from_database TEXT NOT NULL DEFAULT '', renamed_from_name TEXT NOT NULL DEFAULT '',
  PRIMARY KEY(task_id, id)) WITHOUT ROWID;
CREATE TABLE collection_channels(
  task_id TEXT NOT NULL, collection_id INTEGER NOT NULL, ordinal INTEGER NOT NULL,
  channel TEXT NOT NULL, PRIMARY KEY(task_id, collection_id, ordinal)) WITHOUT ROWID;
CREATE TABLE collection_skips(
  task_id TEXT NOT NULL, collection_id INTEGER NOT NULL, channel TEXT NOT NULL,
  position BLOB NOT NULL, PRIMARY KEY(task_id, collection_id, channel)) WITHOUT ROWID;
CREATE TABLE collection_partitions(
  task_id TEXT NOT NULL, collection_id INTEGER NOT NULL, id INTEGER NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY(task_id, collection_id, id)) WITHOUT ROWID;
CREATE TABLE snapshots(
  task_id TEXT NOT NULL, collection_id INTEGER NOT NULL, filter TEXT NOT NULL,
  begun INTEGER NOT NULL, done INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
  log INTEGER NOT NULL, expected_seconds INTEGER NOT NULL, queue_seconds INTEGER NOT NULL,
  PRIMARY KEY(task_id, collection_id)) WITHOUT ROWID;
CREATE TABLE snapshot_partitions(
  task_id TEXT NOT NULL, collection_id INTEGER NOT NULL, name TEXT NOT NULL,
  PRIMARY KEY(task_id, collection_id, name)) WITHOUT ROWID;
CREATE TABLE snapshot_takeovers(
  task_id TEXT NOT NULL, collection_id INTEGER NOT NULL, vchannel TEXT NOT NULL,
  position BLOB NOT NULL, ts INTEGER NOT NULL, seen_until INTEGER NOT NULL,
  PRIMARY KEY(task_id, collection_id, vchannel)) WITHOUT ROWID;
CREATE TABLE snapshot_segments(
  task_id TEXT NOT NULL, collection_id INTEGER NOT NULL, segment INTEGER NOT NULL,
  PRIMARY KEY(task_id, collection_id, segment)) WITHOUT ROWID;
CREATE TABLE snapshot_log_keys(
  number INTEGER PRIMARY KEY, task_id TEXT NOT NULL, collection_id INTEGER NOT NULL,
  keys BLOB NOT NULL);
CREATE INDEX snapshot_log_keys_of ON snapshot_log_keys(task_id, collection_id);
CREATE TABLE databases(
  task_id TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY(task_id, name)) WITHOUT ROWID;
CREATE TABLE sources(task_id TEXT PRIMARY KEY NOT NULL, identity TEXT NOT NULL);
PRAGMA user_version = 6;
)sql";

// What came later and that an earlier program does without: added to every file, so that the
// version need not change. The kind of an item is the number of AccessItem::Kind.
constexpr const char* kAdded = R"sql(
CREATE TABLE IF NOT EXISTS access_items(
  task_id TEXT NOT NULL, kind INTEGER NOT NULL, user TEXT NOT NULL, role TEXT NOT NULL,
  object_type TEXT NOT NULL, database TEXT NOT NULL, object TEXT NOT NULL,
  privilege TEXT NOT NULL,
  PRIMARY KEY(task_id, kind, user, role, object_type, database, object, privilege)) WITHOUT ROWID;
)sql";

Status Damaged(const std::string& path, const std::string& what) {
  return DataLossError("metastore file " + path + ": " + what);
}

Status Configure(Database* database, const std::string& path) {
  CDC_ASSIGN_OR_RETURN(const std::string check, database->QueryText("PRAGMA quick_check(1)"));
  if (check != "ok") {
    return Damaged(path, "damaged: " + check);
  }
  CDC_ASSIGN_OR_RETURN(const std::string mode, database->QueryText("PRAGMA journal_mode = WAL"));
  if (mode != "wal") {
    return UnavailableError("metastore file " + path +
                            ": its file system does not support WAL, journal mode is " + mode);
  }
  // FULL and not NORMAL: in WAL mode NORMAL may lose the last commits when the machine crashes, but
  // a horizon must be durable before rows are sent.
  return database->Run("PRAGMA synchronous = FULL");
}

Status CreateTables(Database* database, const std::string& path) {
  CDC_ASSIGN_OR_RETURN(const int64_t tables,
                       database->QueryInt("SELECT count(*) FROM sqlite_master"));
  // Files of other programs usually have version 0 as well.
  if (tables != 0) {
    return Damaged(path, "holds tables of another program");
  }
  Transaction transaction(database);
  CDC_RETURN_IF_ERROR(transaction.Begin());
  CDC_RETURN_IF_ERROR(database->Run(kSchema));
  return transaction.Commit();
}

// A create that was interrupted may have left progress without its task.
Status DropOrphans(Database* database) {
  Transaction transaction(database);
  CDC_RETURN_IF_ERROR(transaction.Begin());
  CDC_RETURN_IF_ERROR(
      database->Run("DELETE FROM checkpoints WHERE task_id NOT IN (SELECT id FROM tasks);"
                    "DELETE FROM replays WHERE task_id NOT IN (SELECT id FROM tasks);"
                    "DELETE FROM aside WHERE task_id NOT IN (SELECT id FROM tasks);"
                    "DELETE FROM aside_places WHERE task_id NOT IN (SELECT id FROM tasks);"
                    "DELETE FROM collections WHERE task_id NOT IN (SELECT id FROM tasks);"
                    "DELETE FROM collection_channels WHERE task_id NOT IN (SELECT id FROM tasks);"
                    "DELETE FROM collection_skips WHERE task_id NOT IN (SELECT id FROM tasks);"
                    "DELETE FROM collection_partitions WHERE task_id NOT IN (SELECT id FROM tasks);"
                    "DELETE FROM snapshots WHERE task_id NOT IN (SELECT id FROM tasks);"
                    "DELETE FROM snapshot_partitions WHERE task_id NOT IN (SELECT id FROM tasks);"
                    "DELETE FROM snapshot_takeovers WHERE task_id NOT IN (SELECT id FROM tasks);"
                    "DELETE FROM snapshot_segments WHERE task_id NOT IN (SELECT id FROM tasks);"
                    "DELETE FROM snapshot_log_keys WHERE task_id NOT IN (SELECT id FROM tasks);"
                    "DELETE FROM databases WHERE task_id NOT IN (SELECT id FROM tasks);"
                    "DELETE FROM access_items WHERE task_id NOT IN (SELECT id FROM tasks);"
                    "DELETE FROM sources WHERE task_id NOT IN (SELECT id FROM tasks);"));
  return transaction.Commit();
}

}  // namespace

Result<int64_t> ReadSqliteVersion(Database* database, const std::string& path) {
  CDC_ASSIGN_OR_RETURN(const int64_t version, database->QueryInt("PRAGMA user_version"));
  if (version != 0 && version < kSchemaVersion) {
    return FailedPreconditionError(
        "metastore file " + path + " was written by an earlier build: schema version " +
        std::to_string(version) + " < " + std::to_string(kSchemaVersion) +
        "; move it away and create the tasks again with start_from earliest, which doubles nothing "
        "in their targets");
  }
  if (version > kSchemaVersion) {
    return FailedPreconditionError(
        "metastore file " + path + " was written by a newer program: schema version " +
        std::to_string(version) + " > " + std::to_string(kSchemaVersion));
  }
  return version;
}

Status OpenSqliteSchema(Database* database, const std::string& path) {
  // Before anything is changed: a newer program's file stays as it is.
  CDC_ASSIGN_OR_RETURN(const int64_t version, ReadSqliteVersion(database, path));
  CDC_RETURN_IF_ERROR(Configure(database, path));
  const Status created = version == 0 ? CreateTables(database, path) : OkStatus();
  CDC_RETURN_IF_ERROR(created);
  CDC_RETURN_IF_ERROR(database->Run(kAdded));
  const Status cleaned = DropOrphans(database);
  return cleaned.code() == StatusCode::kInternal
             ? Damaged(path, "its tables are not ours: " + cleaned.message())
             : cleaned;
}

}  // namespace cdc
