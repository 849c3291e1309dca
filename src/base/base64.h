#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cdc {

// Standard base64 (RFC 4648) with padding.
std::string EncodeBase64(std::string_view bytes);

// nullopt: `text` is not base64.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace cdc
