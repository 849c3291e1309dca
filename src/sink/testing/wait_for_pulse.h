#pragma once

#include <chrono>
#include <string>

#include "base/status.h"
#include "sink/target.h"

namespace cdc {

// Calls Target::AskPulse and waits for the answer.
Result<std::string> WaitForPulse(Target& target, std::chrono::milliseconds timeout);

}  // namespace cdc
