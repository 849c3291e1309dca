#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/status.h"
#include "metastore/sqlite/sqlite.h"
#include "model/task_progress.h"

namespace cdc {

// The tables of collections that are aside. The caller makes the transactions.
class SqliteAside {
 public:
  Status Prepare(sqlite::Database* database);

  Status Put(const std::string& task_id, const AsideCollection& collection);
  // Sorted by collection.
  Result<std::vector<AsideCollection>> Load(const std::string& task_id);
  Status Remove(const std::string& task_id, CollectionId id);
  Status RemoveAll(const std::string& task_id);

 private:
  sqlite::Statement put_;
  sqlite::Statement put_place_;
  sqlite::Statement load_;
  sqlite::Statement load_places_;
  std::array<sqlite::Statement, 2> remove_;
  std::array<sqlite::Statement, 2> remove_all_;
};

}  // namespace cdc
