#pragma once

#include <cstddef>
#include <string>

#include "base/status.h"
#include "metastore/legacy/legacy_records.h"
#include "metastore/mysql/mysql_connection.h"
#include "metastore/store_check.h"

// What the earlier program has in the tables `task_info` and `task_position`.
namespace cdc::mysql_legacy {

// The rows of one root path, which does not end with a slash.
Result<LegacyRecords> Read(MysqlConnection* connection, const std::string& root_path);

// Removes exactly what was `checked`, in one transaction, and returns how many rows they were.
// kFailedPrecondition: something of it has changed since, and nothing is removed.
Result<size_t> Remove(MysqlConnection* connection,
                      const std::string& root_path,
                      const LegacyFound& checked);

}  // namespace cdc::mysql_legacy
