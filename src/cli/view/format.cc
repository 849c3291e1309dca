#include "cli/view/format.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace cdc::cli {
namespace {

// The character that begins at `at` and its length; an invalid byte stands for itself.
struct Character {
  char32_t code = 0;
  size_t bytes = 1;
};

Character CharacterAt(std::string_view text, size_t at) {
  const auto byte = [text](size_t i) {
    return static_cast<char32_t>(static_cast<unsigned char>(text[i]));
  };
  const char32_t first = byte(at);
  const size_t bytes = first < 0x80   ? 1
                       : first < 0xc2 ? 0
                       : first < 0xe0 ? 2
                       : first < 0xf0 ? 3
                                      : 4;
  if (bytes <= 1 || first > 0xf4 || at + bytes > text.size()) {
    return {first < 0x80 ? first : U'?', 1};
  }
  char32_t code = first & (0x7fU >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(at + i) & 0xc0U) != 0x80) {
      return {U'?', 1};
    }
    code = (code << 6) | (byte(at + i) & 0x3fU);
  }
  return {code, bytes};
}

struct Range {
  char32_t first;
  char32_t last;
};

template <size_t kSize>
bool Contains(const std::array<Range, kSize>& ranges, char32_t code) {
  return std::any_of(ranges.begin(), ranges.end(), [code](const Range& range) {
    return code >= range.first && code <= range.last;
  });
}

size_t WidthOf(char32_t code) {
  static constexpr std::array<Range, 6> kNone{{{0x0300, 0x036f},
                                               {0x200b, 0x200f},
                                               {0x202a, 0x202e},
                                               {0x20d0, 0x20ff},
                                               {0xfe00, 0xfe0f},
                                               {0xfe20, 0xfe2f}}};
  static constexpr std::array<Range, 8> kWide{{{0x1100, 0x115f},
                                               {0x2e80, 0xa4cf},
                                               {0xac00, 0xd7a3},
                                               {0xf900, 0xfaff},
                                               {0xfe30, 0xfe6f},
                                               {0xff00, 0xff60},
                                               {0x1f300, 0x1faff},
                                               {0x20000, 0x3fffd}}};
  return Contains(kNone, code) ? 0 : Contains(kWide, code) ? 2 : 1;
}

// Three significant digits: 1.0, 12.3, 123.
std::string ThreeDigits(double value) {
  return value < 99.95 ? fmt::format("{:.1f}", value) : fmt::format("{:.0f}", value);
}

}  // namespace

std::string FormatBytes(uint64_t bytes) {
  static constexpr std::array<const char*, 7> kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) {
    return fmt::format("{} B", bytes);
  }
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  // 1023.5 would be printed as 1024 of the smaller unit.
  while (value >= 1023.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return ThreeDigits(value) + " " + kUnits.at(unit);
}

std::string FormatMegabytes(double bytes_per_second) {
  const double megabytes = std::max(0.0, bytes_per_second) / 1e6;
  if (megabytes >= 999.5) {
    return FormatCount(static_cast<uint64_t>(std::llround(megabytes)));
  }
  // A trickle must not look like nothing.
  return megabytes >= 0.005 && megabytes < 0.095 ? fmt::format("{:.2f}", megabytes)
                                                 : ThreeDigits(megabytes);
}

std::string FormatCount(uint64_t count) {
  std::string text = std::to_string(count);
  for (size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, 1, ',');
  }
  return text;
}

std::string FormatRate(double per_second) {
  if (per_second <= 0) {
    return "0";
  }
  return per_second < 9.95 ? fmt::format("{:.1f}", per_second)
                           : FormatCount(static_cast<uint64_t>(std::llround(per_second)));
}

std::string FormatDuration(std::optional<int64_t> milliseconds) {
  return milliseconds ? FormatDuration(*milliseconds) : "-";
}

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  for (size_t at = 0; at < text.size();) {
    const Character character = CharacterAt(text, at);
    width += WidthOf(character.code);
    at += character.bytes;
  }
  return width;
}

std::string Shorten(std::string_view text, size_t width) {
  if (DisplayWidth(text) <= width) {
    return std::string(text);
  }
  if (width == 0) {
    return "";
  }
  size_t used = 0;
  size_t at = 0;
  while (at < text.size()) {
    const Character character = CharacterAt(text, at);
    if (used + WidthOf(character.code) > width - 1) {
      break;
    }
    used += WidthOf(character.code);
    at += character.bytes;
  }
  return std::string(text.substr(0, at)) + "…";
}

std::string Printable(std::string_view text) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    const Character character = CharacterAt(text, at);
    const bool control = character.code < 0x20 || (character.code >= 0x7f && character.code < 0xa0);
    // Marks that reverse the text direction could make an address look like another one.
    const bool turns = character.code >= 0x202a && character.code <= 0x202e;
    const bool broken = character.bytes == 1 && static_cast<unsigned char>(text[at]) >= 0x80;
    if (control || turns || broken) {
      result.push_back('?');
    } else {
      result.append(text.substr(at, character.bytes));
    }
    at += character.bytes;
  }
  return result;
}

}  // namespace cdc::cli
