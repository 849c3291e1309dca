#pragma once

#include <string>

#include "base/status.h"
#include "metastore/sqlite/sqlite.h"

namespace cdc {

// Prepares an opened file: checks it, enables WAL and full durability, creates the tables of a new
// file, and removes progress whose task was never stored.
//
// kFailedPrecondition: written by a newer program, or by one older than the first release.
// kDataLoss: damaged, or another program's file. kUnavailable: it cannot be written now.
Status OpenSqliteSchema(sqlite::Database* database, const std::string& path);

}  // namespace cdc
