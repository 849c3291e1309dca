#pragma once

#include <chrono>
#include <string>

#include "base/status.h"
#include "sink/target.h"

namespace cdc {

// Target::AskPulse, waited for.
Result<std::string> WaitForPulse(Target& target, std::chrono::milliseconds timeout);

}  // namespace cdc
