#pragma once

#include <string>

namespace cdc {

// Logs one line per event to standard output: time, level, text.
void SetUpLog();

// debug, info, warn, error, dpanic, panic or fatal in any letter case. Returns false for anything
// else and uses info.
bool SetLogLevel(const std::string& level);

}  // namespace cdc
