#include "model/source_time.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

TEST(SourceTimeTest, ReadsTheThreeForms) {
  constexpr int64_t kTime = 1'714'979'289'123;
  const Timestamp first = Timestamp::FromUnixMs(kTime);
  EXPECT_EQ(*ParseSourceTime("2024-05-06T07:08:09.123Z"), first);
  EXPECT_EQ(*ParseSourceTime("1714979289123"), first);
  EXPECT_EQ(*ParseSourceTime(std::to_string(first.value)), first);
  EXPECT_EQ(*ParseSourceTime("470643311880437761"), Timestamp{470'643'311'880'437'761});
}

TEST(SourceTimeTest, SaysWhatATimeCanBe) {
  for (const char* text : {"", "0", "-1", "yesterday", "1714979289123x", "99999999999999999999"}) {
    const Status status = ParseSourceTime(text).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(status.message(), ::testing::HasSubstr("RFC 3339")) << text;
  }
}

}  // namespace
}  // namespace cdc
