#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/status.h"
#include "model/message.h"

namespace cdc {

// Returns the body of `column` without its null rows. In the log, a column has a placeholder for
// every null row; a client's request must have only the valid rows. Columns that have only those
// already (sparse forms of later versions) are returned unchanged.
//
// kDataLoss: the bytes are malformed, or hold neither all rows nor just the valid ones.
Result<std::string> WithoutNullRows(const Column& column);

// Returns the body of `column` with the chosen rows only. `keep`: one byte for each row, 0 for
// those that are left out. kDataLoss: the bytes are malformed, or do not hold so many rows.
Result<std::string> BodyOfRows(const Column& column, std::string_view keep);

}  // namespace cdc
