#pragma once

#include <string>

#include "base/status.h"
#include "metastore/sqlite/sqlite.h"
#include "model/access.h"

namespace cdc {

// The table of the users and roles on a target that are a task's. The caller makes the
// transactions.
class SqliteAccess {
 public:
  Status Prepare(sqlite::Database* database);

  Status Put(const std::string& task_id, const AccessSet& items);
  Result<AccessSet> Load(const std::string& task_id);
  Status Remove(const std::string& task_id, const AccessSet& items);
  Status RemoveAll(const std::string& task_id);

 private:
  sqlite::Statement put_;
  sqlite::Statement load_;
  sqlite::Statement remove_;
  sqlite::Statement remove_all_;
};

}  // namespace cdc
