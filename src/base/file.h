#pragma once

#include <cstddef>
#include <string>

#include "base/status.h"

namespace cdc {

// Reads a whole file or pipe. kInvalidArgument: it cannot be read, or holds more than `max_bytes`;
// the message has the path and the cause, never the content.
Result<std::string> ReadFile(const std::string& path, size_t max_bytes = 16U << 20);

// Replaces a whole file, durably; only its owner may read it. It is never there in part: a crash
// leaves the one before, and perhaps `path`.new. kUnavailable: it cannot be written.
Status WritePrivateFile(const std::string& path, const std::string& content);

}  // namespace cdc
