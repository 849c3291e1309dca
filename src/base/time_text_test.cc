#include "base/time_text.h"

#include <gtest/gtest.h>

namespace cdc {
namespace {

TEST(TimeTextTest, ReadsWhatRfc3339Allows) {
  constexpr int64_t kTime = 1'714'979'289'000;  // 2024-05-06 07:08:09
  EXPECT_EQ(ParseTime("2024-05-06T07:08:09Z"), kTime);
  EXPECT_EQ(ParseTime("2024-05-06t07:08:09z"), kTime);
  EXPECT_EQ(ParseTime("2024-05-06 07:08:09.123Z"), kTime + 123);
  EXPECT_EQ(ParseTime("2024-05-06T07:08:09.5Z"), kTime + 500);
  EXPECT_EQ(ParseTime("2024-05-06T07:08:09.123999999Z"), kTime + 123);
  EXPECT_EQ(ParseTime("2024-05-06T09:38:09+02:30"), kTime);
  EXPECT_EQ(ParseTime("2024-05-05T23:08:09-08:00"), kTime);
  EXPECT_EQ(ParseTime("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(ParseTime(FormatTime(kTime + 7)), kTime + 7);
}

TEST(TimeTextTest, RefusesWhatIsNoTime) {
  for (const char* text :
       {"", "now", "2024-05-06", "2024-05-06T07:08:09", "2024-05-06T07:08Z", "2024-5-6T07:08:09Z",
        "2024-13-06T07:08:09Z", "2024-02-30T07:08:09Z", "2024-05-06T24:08:09Z",
        "2024-05-06T07:08:09.Z", "2024-05-06T07:08:09Z ", "2024-05-06T07:08:09+2:00",
        "-024-05-06T07:08:09Z", "2024-05--6T07:08:09Z", "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+01:00", "99999-05-06T07:08:09Z"}) {
    EXPECT_EQ(ParseTime(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace cdc
