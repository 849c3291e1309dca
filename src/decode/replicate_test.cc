#include "decode/replicate.h"

#include <string>

#include "decode/testing/vectors.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cdc {
namespace {

TEST(DecodeFlush, Flush) {
  const auto flush = DecodeFlush(Payload::Own(FromHex(kFlushHex)));
  ASSERT_TRUE(flush.ok());
  ASSERT_TRUE(flush->has_value());
  EXPECT_EQ(**flush, (FlushRequestInfo{"default", {"hello"}, {470642938165854209}}));
}

TEST(DecodeFlush, SeveralCollectionsAndTheTimeOfTheOriginal) {
  const std::string base =
      "\x0a\x0b"
      "\x08\x92\x03\x18\x05"
      "\x3a\x04\x08\x01\x10\x04";
  const auto flush = DecodeFlush(Payload::Own(base + "\x12\x01"
                                                     "d\x1a\x01"
                                                     "a\x1a\x01"
                                                     "b"));
  ASSERT_TRUE(flush.ok()) << flush.status().ToString();
  ASSERT_TRUE(flush->has_value());
  EXPECT_EQ(**flush, (FlushRequestInfo{"d", {"a", "b"}, {4}}));
}

TEST(DecodeFlush, OtherRequestsAreNone) {
  for (const auto hex : {kCreateIndexHex, kLoadCollectionHex, kReplicatedLoadHex, kTickHex}) {
    const auto flush = DecodeFlush(Payload::Own(FromHex(hex)));
    ASSERT_TRUE(flush.ok()) << flush.status().ToString();
    EXPECT_FALSE(flush->has_value());
  }
}

TEST(DecodeFlush, MalformedIsDataLoss) {
  const std::string record = FromHex(kFlushHex);
  for (size_t size = 0; size < record.size(); ++size) {
    const auto flush = DecodeFlush(Payload::Own(record.substr(0, size)));
    if (!flush.ok()) {
      EXPECT_EQ(flush.status().code(), StatusCode::kDataLoss);
    }
  }
  EXPECT_FALSE(DecodeFlush(Payload::Own(record.substr(0, record.size() - 1))).ok());
}

}  // namespace
}  // namespace cdc
