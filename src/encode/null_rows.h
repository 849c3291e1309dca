#pragma once

#include <cstddef>
#include <string>

#include "base/status.h"
#include "model/message.h"

namespace cdc {

// The body of `column` without its null rows. In the log a column holds a placeholder for every
// null row; a client's request must hold the valid rows only. Columns that are compact already
// (sparse forms of later versions) come back as they are.
//
// kDataLoss: the bytes are malformed or hold neither all rows nor the valid ones.
Result<std::string> WithoutNullRows(const Column& column);

}  // namespace cdc
