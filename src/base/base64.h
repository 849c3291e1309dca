#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace cdc {

// Standard base64 (RFC 4648) with padding.
std::string EncodeBase64(std::string_view bytes);

// The same into memory that the caller has: writes Base64Size bytes, at most one more behind them,
// and returns their end.
constexpr size_t Base64Size(size_t bytes) { return (bytes + 2) / 3 * 4; }
char* WriteBase64(std::string_view bytes, char* at);

// nullopt: `text` is not base64.
std::optional<std::string> DecodeBase64(std::string_view text);

}  // namespace cdc
