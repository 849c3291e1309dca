#include "source/query/key_hash.h"

#include <string>

#include <gtest/gtest.h>

namespace cdc {
namespace {

// Which shard of two Milvus 2.3.5 chose.
TEST(HashKey, IntegersAreSpreadAsMilvusDoes) {
  for (const int64_t key : {0, 1, 2, 4, 100, 101, 102, 104}) {
    EXPECT_EQ(HashKey(key) % 2, 0U) << key;
  }
  for (const int64_t key : {3, 5, 6, 7, 8, 9, 103}) {
    EXPECT_EQ(HashKey(key) % 2, 1U) << key;
  }
}

TEST(HashKey, TextsHaveTheUsualChecksum) {
  EXPECT_EQ(HashKey(std::string_view("123456789")), 0xCBF43926U);
  EXPECT_EQ(HashKey(std::string_view()), 0U);
  const std::string text(100, 'x');
  EXPECT_EQ(HashKey(text + "a"), HashKey(text + "b")) << "only the first 100 bytes count";
  EXPECT_NE(HashKey(std::string(text).replace(99, 1, "a")), HashKey(std::string_view(text)));
}

}  // namespace
}  // namespace cdc
