#pragma once

#include <string>

#include "base/status.h"
#include "metastore/sqlite.h"

namespace cdc {

// Makes an opened file ready: checks it, sets WAL and full durability, creates the tables of a new
// file, removes progress whose task was never stored.
//
// kFailedPrecondition: a newer program wrote it, or one of before the first release. kDataLoss:
// damaged, or another program's. kUnavailable: it cannot be written now.
Status OpenSqliteSchema(sqlite::Database* database, const std::string& path);

}  // namespace cdc
