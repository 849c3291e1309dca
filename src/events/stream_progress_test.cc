#include "events/stream_progress.h"

#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace cdc {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

StreamProgress Progress() {
  return {.channel = "by-dev-rootcoord-dml_3",
          .position = {std::string("\0\xff", 2)},
          .ts = {std::numeric_limits<uint64_t>::max()},
          .applied = {{"a"}, {std::string("\0", 1)}}};
}

TEST(StreamProgressRecord, ComesBack) {
  for (const StreamProgress& progress : {Progress(), StreamProgress{.channel = "c"}}) {
    const auto decoded = DecodeProgress(EncodeProgressKey(progress), EncodeProgress(progress));
    ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
    EXPECT_EQ(*decoded, progress);
  }
  EXPECT_EQ(EncodeProgressKey(Progress()), R"({"channel":"by-dev-rootcoord-dml_3"})");
}

TEST(StreamProgressRecord, WhatCannotBeReadIsNamed) {
  const std::string key = EncodeProgressKey(Progress());
  const auto changed = [](const char* name, const json& value) {
    json record = json::parse(EncodeProgress(Progress()));
    record[name] = value;
    return record.dump();
  };
  for (const std::string& value :
       {std::string(), std::string("{}"), changed("position", "?"), changed("position", 1),
        changed("tso", -1), changed("tso", 1.5), changed("applied", json::array({1}))}) {
    const auto decoded = DecodeProgress(key, value);
    EXPECT_EQ(decoded.status().code(), StatusCode::kDataLoss) << value;
    EXPECT_THAT(decoded.status().message(), HasSubstr("the progress of a stream"));
  }
  for (const std::string& other : {std::string("{}"), EncodeWatermarkKey("")}) {
    EXPECT_EQ(DecodeProgress(other, EncodeProgress(Progress())).status().code(),
              StatusCode::kDataLoss);
  }
  EXPECT_EQ(DecodeProgress(key, changed("format", 2)).status().code(),
            StatusCode::kFailedPrecondition);
}

TEST(Watermark, SaysUpToWhen) {
  const Timestamp time = Timestamp::FromUnixMs(1'700'000'000'500, 7);
  const auto watermark = [time](std::string_view channel) {
    return json::parse(EncodeWatermark(channel, time, {1'700'000'000'123'456'789},
                                       {.name = "milvus", .version = "1.2.3"}));
  };
  json wanted = {{"source",
                  {{"version", "1.2.3"},
                   {"connector", "milvus"},
                   {"name", "milvus"},
                   {"channel", "dml_3"},
                   {"ts_ms", 1'700'000'000'500},
                   {"ts_us", 1'700'000'000'500'000},
                   {"ts_ns", 1'700'000'000'500'000'000},
                   {"tso", time.value},
                   {"tso_text", std::to_string(time.value)}}},
                 {"ts_ms", 1'700'000'000'123},
                 {"ts_us", 1'700'000'000'123'456},
                 {"ts_ns", 1'700'000'000'123'456'789}};
  EXPECT_EQ(watermark("dml_3"), wanted);
  wanted["source"]["channel"] = nullptr;
  EXPECT_EQ(watermark(""), wanted);
  EXPECT_EQ(EncodeWatermarkKey("dml_3"), R"({"channel":"dml_3"})");
  EXPECT_EQ(EncodeWatermarkKey(""), R"({"channel":null})");
}

}  // namespace
}  // namespace cdc
