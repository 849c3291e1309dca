#pragma once

#include <string_view>

#include "base/status.h"
#include "model/ids.h"

namespace cdc {

// Reads a time of the source as people write it: RFC 3339 ("2024-05-06T07:08:09.123Z"),
// milliseconds since 1970, or a timestamp of Milvus, which is so much larger that the two cannot be
// confused. The first two mean the first instant of their millisecond. kInvalidArgument: says what
// it can be.
Result<Timestamp> ParseSourceTime(std::string_view text);

}  // namespace cdc
