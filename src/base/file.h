#pragma once

#include <cstddef>
#include <string>

#include "base/status.h"

namespace cdc {

// Reads a whole file or pipe. kInvalidArgument: it cannot be read, or holds more than `max_bytes`;
// the message has the path and the cause, never the content.
Result<std::string> ReadFile(const std::string& path, size_t max_bytes = 16U << 20);

}  // namespace cdc
