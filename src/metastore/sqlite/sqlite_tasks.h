#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "metastore/sqlite/sqlite.h"
#include "model/task.h"

namespace cdc {

// The table of the tasks. Use it from one thread at a time. Errors: see MetaStore.
class SqliteTasks {
 public:
  // Call it once, before anything else. `database` must outlive this.
  Status Prepare(sqlite::Database* database);

  Status Put(const TaskRecord& task);
  // Sorted by id.
  Result<std::vector<TaskRecord>> List();
  // kNotFound: there is none with this id.
  Result<TaskRecord> Find(const std::string& id);
  Status Remove(const std::string& id);

 private:
  static Result<TaskRecord> Read(const sqlite::Statement& row);

  sqlite::Statement put_;
  sqlite::Statement list_;
  sqlite::Statement find_;
  sqlite::Statement remove_;
};

}  // namespace cdc
