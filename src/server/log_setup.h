#pragma once

#include <string>

namespace cdc {

// One line an event to standard output: time, level, thread, text.
void SetUpLog();

// debug, info, warn, error, dpanic, panic, fatal in any letter case; false: none of them, and info
// is set.
bool SetLogLevel(const std::string& level);

}  // namespace cdc
