#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/status.h"
#include "metastore/sqlite/sqlite.h"
#include "model/task_progress.h"

namespace cdc {

// How far tasks have got: the tables of their checkpoints, of the databases they have begun, and of
// the source each of them has seen. Use it from one thread at a time. Errors: see MetaStore.
class SqliteProgress {
 public:
  // Call it once, before anything else. `database` must outlive this.
  Status Prepare(sqlite::Database* database);

  Status PutCheckpoint(const std::string& task_id, const ChannelCheckpoint& checkpoint);
  // Sorted by channel.
  Result<std::vector<ChannelCheckpoint>> LoadCheckpoints(const std::string& task_id);
  Status RemoveCheckpoints(const std::string& task_id);

  Status PutDatabase(const std::string& task_id, const std::string& name);
  Status RemoveDatabase(const std::string& task_id, const std::string& name);
  // Sorted.
  Result<std::vector<std::string>> LoadDatabases(const std::string& task_id);

  Status PutSource(const std::string& task_id, const std::string& identity);
  // Empty: none is stored.
  Result<std::string> LoadSource(const std::string& task_id);

  Status RemoveAll(const std::string& task_id);

 private:
  Status PutReplay(const std::string& task_id,
                   const std::string& channel,
                   CollectionId collection,
                   const ChannelCheckpoint::AppliedUntil& applied,
                   const MsgId& position);
  Status LoadReplay(const std::string& task_id, ChannelCheckpoint* checkpoint);

  sqlite::Statement put_checkpoint_;
  sqlite::Statement load_checkpoints_;
  sqlite::Statement put_replay_;
  sqlite::Statement load_replay_;
  sqlite::Statement remove_replay_;
  std::array<sqlite::Statement, 2> remove_checkpoints_;
  sqlite::Statement put_database_;
  sqlite::Statement remove_database_;
  sqlite::Statement load_databases_;
  sqlite::Statement put_source_;
  sqlite::Statement load_source_;
  std::array<sqlite::Statement, 2> remove_all_;
};

}  // namespace cdc
