#pragma once

#include <string>

#include "base/status.h"
#include "metastore/mysql/mysql_options.h"
#include "metastore/store_check.h"

namespace cdc {

// What is in the place of OpenMysqlMetaStore, as of one moment. Errors: see MysqlConnection;
// kFailedPrecondition: written by a newer program.
Result<StoreCheck> CheckMysqlStore(const MysqlOptions& options, const std::string& root_path);

}  // namespace cdc
