#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/time_text.h"

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

using cdc::FormatDuration;  // beside the next one
// As above; "-" if unknown.
std::string FormatDuration(std::optional<int64_t> milliseconds);

// The width of UTF-8 text in terminal columns: wide (East Asian, emoji) characters count two,
// combining ones none, an invalid byte one.
size_t DisplayWidth(std::string_view text);

// Shortens to `width` columns, with "…" at the end. Never cuts inside a character.
std::string Shorten(std::string_view text, size_t width);

// Makes foreign text safe to print: control characters become "?", so that no name can move the
// cursor or forge a line.
std::string Printable(std::string_view text);

}  // namespace cdc::cli
