#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/status.h"
#include "metastore/sqlite/sqlite.h"
#include "model/task_progress.h"

namespace cdc {

// The copies of collections that tasks have begun: a table for what each has once, and one each for
// the partitions that are copied, the places where the log takes over, the segments that are done
// and the keys of the log's rows that were applied meanwhile. Whoever changes them
// makes the transaction. Use it from one thread at a time. Errors: see MetaStore.
class SqliteSnapshots {
 public:
  // Call it once, before anything else. `database` must outlive this.
  Status Prepare(sqlite::Database* database);

  // Adds to the partitions and segments, and replaces the rest. The keys are removed unless
  // `snapshot` is a copy that is not done and that the log does not wait for.
  Status Put(const std::string& task_id, const SnapshotProgress& snapshot);
  // Does nothing if Put would have removed them.
  Status AddLogKeys(const std::string& task_id, CollectionId id, const std::string& keys);
  Result<std::vector<std::string>> LoadLogKeys(const std::string& task_id, CollectionId id);
  // Sorted by collection.
  Result<std::vector<SnapshotProgress>> Load(const std::string& task_id);
  Status Remove(const std::string& task_id, CollectionId id);
  Status RemoveAll(const std::string& task_id);
  // Puts these and no others.
  Status Replace(const std::string& task_id, const std::vector<SnapshotProgress>& snapshots);

 private:
  Status LoadParts(const std::string& task_id, SnapshotProgress* snapshot);

  static constexpr size_t kTables = 5;
  static constexpr size_t kLogKeys = 3;     // their table
  static constexpr size_t kPartitions = 4;  // theirs

  sqlite::Statement put_;
  sqlite::Statement put_partition_;
  sqlite::Statement put_takeover_;
  sqlite::Statement put_segment_;
  sqlite::Statement load_;
  sqlite::Statement load_partitions_;
  sqlite::Statement load_takeovers_;
  sqlite::Statement load_segments_;
  sqlite::Statement add_log_keys_;
  sqlite::Statement load_log_keys_;
  sqlite::Statement remove_unused_log_keys_;
  std::array<sqlite::Statement, kTables> remove_;
  std::array<sqlite::Statement, kTables> remove_all_;
};

}  // namespace cdc
