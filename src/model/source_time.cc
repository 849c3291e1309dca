#include "model/source_time.h"

#include <charconv>
#include <cstdint>
#include <string>

#include "base/time_text.h"

namespace cdc {
namespace {

// As milliseconds the year 33658, as a timestamp of Milvus an hour of 1970.
constexpr uint64_t kLeastHybrid = 1'000'000'000'000'000;

}  // namespace

Result<Timestamp> ParseSourceTime(std::string_view text) {
  uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec == std::errc() && read.ptr == end && number > 0) {
    return number < kLeastHybrid ? Timestamp::FromUnixMs(static_cast<int64_t>(number))
                                 : Timestamp{number};
  }
  if (const auto unix_ms = ParseTime(text); unix_ms.value_or(0) > 0) {
    return Timestamp::FromUnixMs(*unix_ms);
  }
  return InvalidArgumentError(
      "a time is RFC 3339 (2024-05-06T07:08:09.123Z), milliseconds since 1970, or a timestamp of "
      "Milvus, got \"" +
      std::string(text) + "\"");
}

}  // namespace cdc
