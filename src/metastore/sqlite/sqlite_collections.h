#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/status.h"
#include "metastore/sqlite/sqlite.h"
#include "model/task_progress.h"

namespace cdc {

// The collections that tasks have begun: a table for what each has once, and one each for its
// channels, skips and partitions. Whoever changes them makes the transaction. Use it from one
// thread at a time. Errors: see MetaStore.
class SqliteCollections {
 public:
  // Call it once, before anything else. `database` must outlive this.
  Status Prepare(sqlite::Database* database);

  // Replaces all of the collection.
  Status Put(const std::string& task_id, const ReplicatedCollection& collection);
  // Sorted by id.
  Result<std::vector<ReplicatedCollection>> Load(const std::string& task_id);
  Status Remove(const std::string& task_id, CollectionId id);
  Status RemoveAll(const std::string& task_id);

 private:
  Status LoadParts(const std::string& task_id, ReplicatedCollection* collection);

  static constexpr size_t kTables = 4;

  sqlite::Statement put_;
  sqlite::Statement put_channel_;
  sqlite::Statement put_skip_;
  sqlite::Statement put_partition_;
  sqlite::Statement load_;
  sqlite::Statement load_channels_;
  sqlite::Statement load_skips_;
  sqlite::Statement load_partitions_;
  std::array<sqlite::Statement, kTables> remove_;
  std::array<sqlite::Statement, kTables> remove_all_;
};

}  // namespace cdc
