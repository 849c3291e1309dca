#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cdc::cli {

// Texts for people. Pure functions.

// "0 B", "999 B", "1.0 KiB", "12.3 MiB", "123 GiB".
std::string FormatBytes(uint64_t bytes);

// A rate of bytes in decimal megabytes: "0.0", "0.05", "12.3", "1,234".
std::string FormatMegabytes(double bytes_per_second);

// "1,234,567".
std::string FormatCount(uint64_t count);

// Rows per second: "0", "0.5", "12", "1,234".
std::string FormatRate(double per_second);

// "0 ms", "999 ms", "1.5 s", "59.9 s", "2 min 5 s", "3 h 20 min", "4 d 3 h"; a negative duration
// (two clocks differ) is "0 ms".
std::string FormatDuration(int64_t milliseconds);

// As above; "-" if unknown.
std::string FormatDuration(std::optional<int64_t> milliseconds);

// UTC, "2024-05-06 07:08:09.123Z"; "-" for 0.
std::string FormatTime(int64_t unix_ms);

// The width of UTF-8 text in terminal columns: wide (East Asian, emoji) characters count two,
// combining ones none, an invalid byte one.
size_t DisplayWidth(std::string_view text);

// Shortens to `width` columns, with "…" at the end. Never cuts inside a character.
std::string Shorten(std::string_view text, size_t width);

// Makes foreign text safe to print: control characters become "?", so that no name can move the
// cursor or forge a line.
std::string Printable(std::string_view text);

}  // namespace cdc::cli
