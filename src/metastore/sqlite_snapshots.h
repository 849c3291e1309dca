#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/status.h"
#include "metastore/sqlite.h"
#include "model/task_progress.h"

namespace cdc {

// The copies of collections that tasks have begun: a table for what each has once, and one each for
// the places where the log takes over and for the segments that are done. Whoever changes them
// makes the transaction. Use it from one thread at a time. Errors: see MetaStore.
class SqliteSnapshots {
 public:
  // Call it once, before anything else. `database` must outlive this.
  Status Prepare(sqlite::Database* database);

  // Adds to the segments, and replaces the rest.
  Status Put(const std::string& task_id, const SnapshotProgress& snapshot);
  // Sorted by collection.
  Result<std::vector<SnapshotProgress>> Load(const std::string& task_id);
  Status Remove(const std::string& task_id, CollectionId id);
  Status RemoveAll(const std::string& task_id);

 private:
  Status LoadParts(const std::string& task_id, SnapshotProgress* snapshot);

  static constexpr size_t kTables = 3;

  sqlite::Statement put_;
  sqlite::Statement put_takeover_;
  sqlite::Statement put_segment_;
  sqlite::Statement load_;
  sqlite::Statement load_takeovers_;
  sqlite::Statement load_segments_;
  std::array<sqlite::Statement, kTables> remove_;
  std::array<sqlite::Statement, kTables> remove_all_;
};

}  // namespace cdc
