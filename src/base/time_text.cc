#include "base/time_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

namespace cdc {
namespace {

constexpr int64_t kSecondMs = 1'000;
constexpr int64_t kMinuteMs = 60 * kSecondMs;
constexpr int64_t kHourMs = 60 * kMinuteMs;
constexpr int64_t kDayMs = 24 * kHourMs;

std::string TwoUnits(
    int64_t value, int64_t unit, const char* name, int64_t part, const char* rest) {
  return std::to_string(value / unit) + " " + name + " " + std::to_string(value % unit / part) +
         " " + rest;
}

// Takes parts of a text from its beginning.
class TimeReader {
 public:
  explicit TimeReader(std::string_view text) : rest_(text) {}

  // A number of exactly so many digits; -1 if there is none, or it is out of range.
  int Number(size_t digits, int min, int max) {
    int value = -1;
    const char* const end = rest_.data() + std::min(digits, rest_.size());
    const auto read = std::from_chars(rest_.data(), end, value);
    const bool complete = read.ptr == rest_.data() + digits && rest_.front() != '-';
    rest_.remove_prefix(std::min(digits, rest_.size()));
    return complete && value >= min && value <= max ? value : -1;
  }

  bool Skip(std::string_view one_of) {
    if (rest_.empty() || one_of.find(rest_.front()) == std::string_view::npos) {
      return false;
    }
    skipped_ = rest_.front();
    rest_.remove_prefix(1);
    return true;
  }

  // The digits of a fraction of a second, as milliseconds; -1 if there are none.
  int64_t Millis() {
    const size_t digits = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    if (digits == 0) {
      return -1;
    }
    int64_t millis = 0;
    for (size_t i = 0; i < 3; ++i) {
      millis = millis * 10 + (i < digits ? rest_[i] - '0' : 0);
    }
    rest_.remove_prefix(digits);
    return millis;
  }

  char skipped() const { return skipped_; }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
  char skipped_ = 0;
};

// The offset from UTC in seconds.
std::optional<int64_t> ReadOffset(TimeReader* reader) {
  if (reader->Skip("Zz")) {
    return 0;
  }
  if (!reader->Skip("+-")) {
    return std::nullopt;
  }
  const int64_t sign = reader->skipped() == '-' ? -1 : 1;
  const int hours = reader->Number(2, 0, 23);
  const bool colon = reader->Skip(":");
  const int minutes = reader->Number(2, 0, 59);
  if (hours < 0 || !colon || minutes < 0) {
    return std::nullopt;
  }
  return sign * (hours * 60 + minutes) * 60;
}

}  // namespace

std::optional<int64_t> ParseTime(std::string_view text) {
  TimeReader reader(text);
  std::tm utc{};
  utc.tm_year = reader.Number(4, 1970, 9999) - 1900;
  bool valid = utc.tm_year >= 70 && reader.Skip("-");
  utc.tm_mon = reader.Number(2, 1, 12) - 1;
  valid = valid && utc.tm_mon >= 0 && reader.Skip("-");
  const int day = utc.tm_mday = reader.Number(2, 1, 31);
  valid = valid && day > 0 && reader.Skip("Tt ");
  utc.tm_hour = reader.Number(2, 0, 23);
  valid = valid && utc.tm_hour >= 0 && reader.Skip(":");
  utc.tm_min = reader.Number(2, 0, 59);
  valid = valid && utc.tm_min >= 0 && reader.Skip(":");
  utc.tm_sec = reader.Number(2, 0, 60);
  valid = valid && utc.tm_sec >= 0;
  const int64_t millis = valid && reader.Skip(".") ? reader.Millis() : 0;
  const std::optional<int64_t> offset = ReadOffset(&reader);
  if (!valid || millis < 0 || !offset || !reader.at_end()) {
    return std::nullopt;
  }
  const int64_t seconds = timegm(&utc);
  const int64_t time = (seconds - *offset) * kSecondMs + millis;
  // timegm has turned the 31st of a short month into a day of the next.
  return utc.tm_mday == day && time >= 0 ? std::optional(time) : std::nullopt;
}

std::string FormatTime(int64_t unix_ms) {
  if (unix_ms <= 0) {
    return "-";
  }
  const std::time_t seconds = unix_ms / kSecondMs;
  std::tm utc{};
  if (gmtime_r(&seconds, &utc) == nullptr) {
    return "-";
  }
  std::array<char, 32> date{};
  const size_t length = std::strftime(date.data(), date.size(), "%Y-%m-%d %H:%M:%S", &utc);
  std::string millis = std::to_string(unix_ms % kSecondMs);
  millis.insert(0, 3 - millis.size(), '0');
  return std::string(date.data(), length) + "." + millis + "Z";
}

std::string FormatDuration(int64_t milliseconds) {
  const int64_t value = std::max<int64_t>(0, milliseconds);
  if (value < kSecondMs) {
    return std::to_string(value) + " ms";
  }
  if (value < kMinuteMs) {
    return std::to_string(value / kSecondMs) + "." + std::to_string(value % kSecondMs / 100) + " s";
  }
  if (value < kHourMs) {
    return TwoUnits(value, kMinuteMs, "min", kSecondMs, "s");
  }
  return value < kDayMs ? TwoUnits(value, kHourMs, "h", kMinuteMs, "min")
                        : TwoUnits(value, kDayMs, "d", kHourMs, "h");
}

}  // namespace cdc
