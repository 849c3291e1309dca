#pragma once

#include <string>

namespace cdc {

// 32 lower-case hex digits: a random (version 4) UUID without its dashes.
std::string NewTaskId();

}  // namespace cdc
