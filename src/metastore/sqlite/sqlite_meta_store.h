#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "metastore/meta_store.h"

namespace cdc {

// A SQLite file in WAL mode, created if missing. kFailedPrecondition: another process has it open.
Result<std::unique_ptr<MetaStore>> OpenSqliteMetaStore(const std::string& path);

}  // namespace cdc
