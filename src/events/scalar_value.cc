#include "events/scalar_value.h"

#include <chrono>

namespace cdc {
namespace {

// Pads with zeros.
void AppendDigits(unsigned value, unsigned divisor, JsonBuffer* out) {
  for (; divisor > 0; divisor /= 10) {
    const char digit = static_cast<char>('0' + value / divisor % 10);
    out->Append({&digit, 1});
  }
}

// "2024-05-06T07:08:09.123456Z". Years that have not four digits are not possible in Milvus; the
// number stays one.
void AppendTime(int64_t unix_us, JsonBuffer* out) {
  using std::chrono::microseconds;
  constexpr int64_t kYear0 = -62'167'219'200'000'000;
  constexpr int64_t kYear10000 = 253'402'300'800'000'000;
  out->Append("\"");
  if (unix_us < kYear0 || unix_us >= kYear10000) {
    out->AppendInt(unix_us);
    out->Append("\"");
    return;
  }
  const std::chrono::sys_time<microseconds> time{microseconds(unix_us)};
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  AppendDigits(static_cast<unsigned>(static_cast<int>(date.year())), 1000, out);
  out->Append("-");
  AppendDigits(static_cast<unsigned>(date.month()), 10, out);
  out->Append("-");
  AppendDigits(static_cast<unsigned>(date.day()), 10, out);
  out->Append("T");
  AppendDigits(static_cast<unsigned>(clock.hours().count()), 10, out);
  out->Append(":");
  AppendDigits(static_cast<unsigned>(clock.minutes().count()), 10, out);
  out->Append(":");
  AppendDigits(static_cast<unsigned>(clock.seconds().count()), 10, out);
  out->Append(".");
  AppendDigits(static_cast<unsigned>(clock.subseconds().count()), 100'000, out);
  out->Append("Z\"");
}

}  // namespace

void AppendInteger(DataType type, uint64_t number, JsonBuffer* out) {
  switch (type) {
    case DataType::kBool: out->Append(number != 0 ? "true" : "false"); return;
    case DataType::kInt8: out->AppendInt(static_cast<int8_t>(number)); return;
    case DataType::kInt16: out->AppendInt(static_cast<int16_t>(number)); return;
    case DataType::kInt32: out->AppendInt(static_cast<int32_t>(number)); return;
    case DataType::kTimestamptz: AppendTime(static_cast<int64_t>(number), out); return;
    default: out->AppendInt(static_cast<int64_t>(number)); return;
  }
}

}  // namespace cdc
