#include "metastore/records/record_keys.h"

#include <charconv>

#include "metastore/records/hex.h"

namespace cdc::record_keys {
namespace {

bool StaysAsItIs(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_' || c == '.';
}

}  // namespace

std::string Escape(std::string_view text) {
  std::string escaped;
  for (size_t i = 0; i < text.size(); ++i) {
    if (StaysAsItIs(text[i])) {
      escaped.push_back(text[i]);
    } else {
      escaped += "%" + ToHex(text.substr(i, 1));
    }
  }
  return escaped;
}

std::optional<std::string> Unescape(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    if (StaysAsItIs(text.front())) {
      plain.push_back(text.front());
      text.remove_prefix(1);
      continue;
    }
    const std::optional<std::string> byte =
        text.front() == '%' && text.size() >= 3 ? FromHex(text.substr(1, 2)) : std::nullopt;
    if (!byte) {
      return std::nullopt;
    }
    plain += *byte;
    text.remove_prefix(3);
  }
  return plain;
}

std::string Number(uint64_t number) {
  constexpr size_t kDigits = 20;
  const std::string digits = std::to_string(number);
  return std::string(kDigits - digits.size(), '0') + digits;
}

std::string_view NextPart(std::string_view key, std::string_view prefix) {
  key.remove_prefix(prefix.size());
  return key.substr(0, key.find('/'));
}

bool ReadNumber(std::string_view text, int64_t* number) {
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, *number);
  return read.ec == std::errc() && read.ptr == end;
}

}  // namespace cdc::record_keys
