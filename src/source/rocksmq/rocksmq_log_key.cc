#include "source/rocksmq/rocksmq_log_key.h"

#include <charconv>
#include <cstddef>

namespace cdc {

MsgId EncodeRocksmqId(int64_t id) {
  MsgId encoded;
  for (size_t i = 0; i < sizeof(id); ++i) {
    encoded.bytes += static_cast<char>(static_cast<uint64_t>(id) >> (8 * i));
  }
  return encoded;
}

Result<int64_t> DecodeRocksmqId(const MsgId& id) {
  if (id.bytes.size() != sizeof(int64_t)) {
    return InvalidArgumentError("a RocksMQ position has 8 bytes, not " +
                                std::to_string(id.bytes.size()));
  }
  uint64_t value = 0;
  for (size_t i = 0; i < sizeof(value); ++i) {
    value |= static_cast<uint64_t>(static_cast<unsigned char>(id.bytes[i])) << (8 * i);
  }
  const auto number = static_cast<int64_t>(value);
  if (number < 0) {
    return InvalidArgumentError("a RocksMQ position is not negative: " + std::to_string(number));
  }
  return number;
}

std::string RocksmqKey(std::string_view topic, int64_t id) {
  return RocksmqPrefix(topic) + std::to_string(id);
}

std::string RocksmqPrefix(std::string_view topic) { return std::string(topic) + '/'; }

std::string RocksmqUpperBound(std::string_view topic) {
  return std::string(topic) + static_cast<char>('/' + 1);
}

std::optional<int64_t> ParseRocksmqId(std::string_view digits) {
  int64_t id = 0;
  const char* const end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, id);
  if (error != std::errc() || stop != end || digits.front() == '-') {
    return std::nullopt;
  }
  return id;
}

}  // namespace cdc
