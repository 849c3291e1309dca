#include "events/float_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <string_view>

namespace cdc {
namespace {

char* Write(std::string_view text, char* at) { return std::copy(text.begin(), text.end(), at); }

template <class Number>
char* WriteNumber(Number value, char* at, size_t room) {
  if (!std::isfinite(value)) {
    // JSON has no such numbers. These are the strings that Jackson writes, and with it Kafka
    // Connect.
    return Write(std::isnan(value) ? R"("NaN")"
                 : value > 0       ? R"("Infinity")"
                                   : R"("-Infinity")",
                 at);
  }
  if (value == 0 && std::signbit(value)) {
    return Write("-0.0", at);  // "-0" is an integer, which has no sign
  }
  return std::to_chars(at, at + room, value).ptr;
}

}  // namespace

char* WriteFloat(float value, char* at) { return WriteNumber(value, at, kMaxFloatText); }

char* WriteDouble(double value, char* at) { return WriteNumber(value, at, kMaxDoubleText); }

}  // namespace cdc
