#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Times as texts. Pure functions.
namespace cdc {

// UTC, "2024-05-06 07:08:09.123Z"; "-" for 0.
std::string FormatTime(int64_t unix_ms);

// RFC 3339, "2024-05-06T07:08:09.123+02:00", in milliseconds since 1970; a blank may stand for the
// T, and the fraction is optional. nullopt: it is no such text, or a time before 1970.
std::optional<int64_t> ParseTime(std::string_view text);

// "0 ms", "999 ms", "1.5 s", "59.9 s", "2 min 5 s", "3 h 20 min", "4 d 3 h"; a negative duration
// (two clocks differ) is "0 ms".
std::string FormatDuration(int64_t milliseconds);

}  // namespace cdc
