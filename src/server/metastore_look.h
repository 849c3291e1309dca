#pragma once

#include <cstddef>
#include <string>

#include "base/status.h"
#include "metastore/store_check.h"
#include "server/config.h"

namespace cdc {

// What is in the place of the configured store; see StoreCheck. kNotFound: nothing, neither of this
// program nor of an earlier one.
Result<StoreCheck> CheckConfiguredStore(const Config& config);

// For people, a line for each kind of thing; ends with a newline.
std::string DescribeCheck(const StoreCheck& check);

// Removes what an earlier program has left there, and returns the number of its records. The caller
// is the store's owner: nobody else may take over these records meanwhile.
Result<size_t> RemoveLegacyRecords(const Config& config);

}  // namespace cdc
