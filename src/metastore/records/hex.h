#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cdc {

// Two lower-case digits for each byte.
std::string ToHex(std::string_view bytes);

// nullopt: an odd number of characters, or one that is no digit.
std::optional<std::string> FromHex(std::string_view text);

}  // namespace cdc
