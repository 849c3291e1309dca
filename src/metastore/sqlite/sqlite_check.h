#pragma once

#include <string>

#include "base/status.h"
#include "metastore/store_check.h"

namespace cdc {

// What is in a file of OpenSqliteMetaStore, also while a server uses it. kNotFound: there is no
// such file. kFailedPrecondition: written by a newer program. kDataLoss: not such a file.
Result<StoreCheck> CheckSqliteStore(const std::string& path);

}  // namespace cdc
