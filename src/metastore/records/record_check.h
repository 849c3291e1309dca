#pragma once

#include <map>
#include <string>

#include "base/status.h"
#include "metastore/store_check.h"

namespace cdc {

// Reads every one of `records`, which are all that a store has, and adds what is found to `check`.
// kFailedPrecondition: written by a newer program, so this one cannot say what is damaged.
Status CheckRecords(const std::map<std::string, std::string>& records, StoreCheck* check);

}  // namespace cdc
