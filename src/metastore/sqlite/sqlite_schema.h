#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "metastore/sqlite/sqlite.h"

namespace cdc {

// The version of an opened file; 0: it has none yet. kFailedPrecondition: of a newer program, or of
// one older than the first release. Changes nothing.
Result<int64_t> ReadSqliteVersion(sqlite::Database* database, const std::string& path);

// Prepares an opened file: checks it, enables WAL and full durability, creates the tables of a new
// file, and removes progress whose task was never stored.
//
// kFailedPrecondition: written by a newer program, or by one older than the first release.
// kDataLoss: damaged, or another program's file. kUnavailable: it cannot be written now.
Status OpenSqliteSchema(sqlite::Database* database, const std::string& path);

}  // namespace cdc
