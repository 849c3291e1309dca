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

// Removes exactly what an earlier program had left there when it was `checked`, and returns the
// number of its records. kFailedPrecondition: it has changed since, and nothing is removed. The
// caller is the store's owner: nobody else may take over these records meanwhile.
Result<size_t> RemoveLegacyRecords(const Config& config, const LegacyFound& checked);

}  // namespace cdc
