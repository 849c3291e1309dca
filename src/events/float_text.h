#pragma once

#include <cstddef>

namespace cdc {

inline constexpr size_t kMaxFloatText = 16;
inline constexpr size_t kMaxDoubleText = 25;

// Write the value as JSON, see JsonBuffer, and return the end of the text, which has at most
// kMaxFloatText or kMaxDoubleText bytes.
char* WriteFloat(float value, char* at);
char* WriteDouble(double value, char* at);

}  // namespace cdc
