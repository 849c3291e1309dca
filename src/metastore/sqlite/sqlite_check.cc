#include "metastore/sqlite/sqlite_check.h"

#include <cstdint>
#include <filesystem>
#include <system_error>

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

constexpr const char* kPutBack =
    "stop the server, move the file away and `milvus-cdc metastore import` an export made earlier; "
    "without one, delete the task and create it again";

// The rows of each task in every table that has some. Of old files one table is missing; it is made
// when a server opens them.
constexpr const char* kRowsOfTasks =
    "SELECT task_id, count(*) FROM ("
    "SELECT task_id FROM checkpoints UNION ALL SELECT task_id FROM replays "
    "UNION ALL SELECT task_id FROM aside UNION ALL SELECT task_id FROM aside_places "
    "UNION ALL SELECT task_id FROM collections UNION ALL SELECT task_id FROM collection_channels "
    "UNION ALL SELECT task_id FROM collection_skips "
    "UNION ALL SELECT task_id FROM collection_partitions "
    "UNION ALL SELECT task_id FROM snapshots UNION ALL SELECT task_id FROM snapshot_partitions "
    "UNION ALL SELECT task_id FROM snapshot_takeovers "
    "UNION ALL SELECT task_id FROM snapshot_segments "
    "UNION ALL SELECT task_id FROM snapshot_log_keys "
    "UNION ALL SELECT task_id FROM databases UNION ALL SELECT task_id FROM sources) "
    "WHERE task_id NOT IN (SELECT id FROM tasks) GROUP BY task_id";

class SqliteChecker {
 public:
  SqliteChecker(sqlite::Database* database, StoreCheck* check)
      : database_(database), check_(check) {}

  Status Run() {
    // All that follows is of one moment.
    CDC_RETURN_IF_ERROR(database_->Run("BEGIN"));
    CDC_ASSIGN_OR_RETURN(const std::string pages, database_->QueryText("PRAGMA quick_check(1)"));
    if (pages != "ok") {
      AddDamaged("the file", pages);
      return OkStatus();
    }
    CDC_RETURN_IF_ERROR(Prepare());
    CDC_RETURN_IF_ERROR(ReadTasks());
    for (const std::string& task : check_->tasks) {
      ReadProgress(task);
    }
    return CountOrphans();
  }

 private:
  Status Prepare() {
    CDC_ASSIGN_OR_RETURN(
        const int64_t access,
        database_->QueryInt("SELECT count(*) FROM sqlite_master WHERE name = 'access_items'"));
    has_access_ = access != 0;
    CDC_RETURN_IF_ERROR(has_access_ ? access_.Prepare(database_) : OkStatus());
    CDC_RETURN_IF_ERROR(tasks_.Prepare(database_));
    CDC_RETURN_IF_ERROR(progress_.Prepare(database_));
    CDC_RETURN_IF_ERROR(collections_.Prepare(database_));
    CDC_RETURN_IF_ERROR(snapshots_.Prepare(database_));
    return aside_.Prepare(database_);
  }

  Status ReadTasks() {
    sqlite::Statement ids;
    CDC_RETURN_IF_ERROR(database_->Prepare({{&ids, "SELECT id FROM tasks"}}));
    for (;;) {
      CDC_ASSIGN_OR_RETURN(const bool row, ids.Step());
      if (!row) {
        break;
      }
      check_->tasks.insert(ids.Text(0));
    }
    for (const std::string& task : check_->tasks) {
      Result<TaskRecord> found = tasks_.Find(task);
      Note("task " + task, found.status());
      if (found.ok()) {
        check_->readable.push_back(*std::move(found));
      }
    }
    return OkStatus();
  }

  void ReadProgress(const std::string& task) {
    const auto read = [&](const char* what, const auto& rows, size_t* count) {
      Note("the " + std::string(what) + " of task " + task, rows.status());
      if (count != nullptr && rows.ok()) {
        *count += rows->size();
      }
    };
    read("checkpoints", progress_.LoadCheckpoints(task), &check_->checkpoints);
    read("collections", collections_.Load(task), &check_->collections);
    read("copies", snapshots_.Load(task), &check_->copies);
    read("collections set aside", aside_.Load(task), &check_->aside);
    read("databases", progress_.LoadDatabases(task), nullptr);
    read("source", progress_.LoadSource(task), nullptr);
    if (has_access_) {
      read("users and roles", access_.Load(task), nullptr);
    }
  }

  Status CountOrphans() {
    sqlite::Statement rows;
    CDC_RETURN_IF_ERROR(database_->Prepare({{&rows, kRowsOfTasks}}));
    for (;;) {
      CDC_ASSIGN_OR_RETURN(const bool row, rows.Step());
      if (!row) {
        return OkStatus();
      }
      check_->orphans[rows.Text(0)] = static_cast<size_t>(rows.Int(1));
    }
  }

  void Note(const std::string& what, const Status& read) {
    if (!read.ok()) {
      AddDamaged(what, read.message());
    }
  }

  void AddDamaged(const std::string& key, const std::string& why) {
    check_->damaged.push_back({.key = key, .why = why, .cure = kPutBack});
  }

  sqlite::Database* const database_;
  StoreCheck* const check_;
  bool has_access_ = false;
  SqliteTasks tasks_;
  SqliteProgress progress_;
  SqliteCollections collections_;
  SqliteSnapshots snapshots_;
  SqliteAside aside_;
  SqliteAccess access_;
};

bool Exists(const std::string& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

}  // namespace

Result<StoreCheck> CheckSqliteStore(const std::string& path) {
  if (!Exists(path)) {
    return NotFoundError("there is no metastore file " + path +
                         ": check metaStoreConfig, and the folder this is called in");
  }
  StoreCheck check{.place = "file " + path};
  check.holder = FileLock::HolderOf(path);
  // Whoever has the file open has this one beside it; it also stays when a server is killed.
  const bool unused = check.holder.empty() && !Exists(path + "-wal");
  sqlite::Database database;
  CDC_RETURN_IF_ERROR(database.OpenToRead(path, unused));
  CDC_ASSIGN_OR_RETURN(const int64_t version, ReadSqliteVersion(&database, path));
  if (version == 0) {
    CDC_ASSIGN_OR_RETURN(const int64_t tables,
                         database.QueryInt("SELECT count(*) FROM sqlite_master"));
    return tables == 0
               ? Result<StoreCheck>(std::move(check))
               : DataLossError("metastore file " + path + " holds tables of another program");
  }
  check.version = version;
  CDC_RETURN_IF_ERROR(SqliteChecker(&database, &check).Run());
  if (unused && Exists(path + "-wal")) {
    return UnavailableError("metastore file " + path +
                            ": a server has started meanwhile, check again");
  }
  return check;
}

}  // namespace cdc
