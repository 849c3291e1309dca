#pragma once

#include <cstddef>
#include <string>

#include "base/status.h"

namespace cdc {

// All bytes of a file or a pipe. kInvalidArgument: it cannot be read, or has more than `max_bytes`;
// the text holds its path and why, never its content.
Result<std::string> ReadFile(const std::string& path, size_t max_bytes = 16U << 20);

}  // namespace cdc
