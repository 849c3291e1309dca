#pragma once

#include <string>

#include "base/status.h"

namespace cdc {

// All bytes of a file. kInvalidArgument: it cannot be read; the text holds its path and why, never
// its content.
Result<std::string> ReadFile(const std::string& path);

}  // namespace cdc
