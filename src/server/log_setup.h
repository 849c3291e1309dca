#pragma once

#include <string>

#include "base/status.h"
#include "server/config.h"

namespace cdc {

// Logs one line per event, with time, level and text, to standard output and, if it has a path, to
// a file, which is rotated. Can be repeated, with other options.
//
// kInvalidArgument: the file cannot be written. Everything is then as before.
Status SetUpLog(const LogConfig& config);

// debug, info, warn, error, dpanic, panic or fatal in any letter case. Returns false for anything
// else and uses info.
bool SetLogLevel(const std::string& level);

}  // namespace cdc
