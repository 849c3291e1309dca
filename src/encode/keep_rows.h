#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "model/message.h"

namespace cdc {

// Writes an insert as a record of the log (see DecodeMessage) with the chosen rows only. `keep`:
// one byte for each row, 0 for those that are left out.
//
// kDataLoss: a column does not hold so many rows.
Result<std::string> EncodeKeptRows(const Message& insert, std::string_view keep);

}  // namespace cdc
