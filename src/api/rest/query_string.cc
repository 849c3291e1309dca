#include "api/rest/query_string.h"

#include <algorithm>
#include <charconv>
#include <cstddef>

namespace cdc {
namespace {

constexpr std::string_view kUnreserved =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

// In a query a plus is a blank.
std::optional<std::string> DecodeQueryPart(std::string_view part) {
  std::string text(part);
  std::ranges::replace(text, '+', ' ');
  return DecodePercent(text);
}

}  // namespace

std::optional<std::string> DecodePercent(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    unsigned char byte = 0;
    const std::string_view digits = text.substr(i + 1, 2);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
    if (digits.size() != 2 || error != std::errc() || end != digits.data() + digits.size()) {
      return std::nullopt;
    }
    decoded.push_back(static_cast<char>(byte));
    i += 2;
  }
  return decoded;
}

std::string EncodePathSegment(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    if (kUnreserved.find(c) != std::string_view::npos) {
      encoded.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      encoded += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
    }
  }
  return encoded;
}

Result<QueryParameters> ParseQuery(std::string_view query) {
  QueryParameters parameters;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(pair.size() + 1, query.size()));
    if (pair.empty()) {
      continue;
    }
    const size_t equals = pair.find('=');
    const auto name = DecodeQueryPart(pair.substr(0, equals));
    const auto value =
        DecodeQueryPart(equals == std::string_view::npos ? "" : pair.substr(equals + 1));
    if (!name || !value) {
      return InvalidArgumentError(
          "the query has a % that two hexadecimal digits do not follow: write %25 for a percent "
          "sign");
    }
    if (!parameters.emplace(*name, *value).second) {
      return InvalidArgumentError("the query has the parameter " + *name + " twice");
    }
  }
  return parameters;
}

}  // namespace cdc
