#include "snapshot/key_set.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace cdc {
namespace {

constexpr PartitionId kOne{1};
constexpr PartitionId kTwo{2};

TEST(KeyShareTest, SharesCoverEveryKeyOnce) {
  std::vector<KeyShare> shares{KeyShare()};
  for (int i = 0; i < 9; ++i) {
    shares.push_back(shares[static_cast<size_t>(i) / 2].Halve());
  }
  const auto covered = [&shares](const PrimaryKey& key) {
    size_t count = 0;
    for (const KeyShare& share : shares) {
      count += share.Has(key) ? 1U : 0U;
    }
    return count;
  };
  for (int64_t key = -2'000; key < 2'000; ++key) {
    EXPECT_EQ(covered(key), 1U) << key;
    EXPECT_EQ(covered(std::to_string(key)), 1U) << key;
  }
}

TEST(KeyShareTest, HalvesAreAboutEqual) {
  KeyShare half;
  half.Halve();
  int numbers = 0;
  int texts = 0;
  for (int64_t key = 0; key < 10'000; ++key) {
    numbers += half.Has(key) ? 1 : 0;
    texts += half.Has(std::to_string(key)) ? 1 : 0;
  }
  EXPECT_NEAR(numbers, 5'000, 300);
  EXPECT_NEAR(texts, 5'000, 300);
}

TEST(KeySetTest, KnowsItsKeysByPartition) {
  KeySet keys;
  for (const int64_t key : {INT64_MAX, int64_t{5}, INT64_MIN, int64_t{-5}}) {
    keys.Add(kOne, key);
  }
  keys.Add(kTwo, int64_t{6});
  keys.Sort();
  for (const int64_t key : {INT64_MAX, int64_t{5}, INT64_MIN, int64_t{-5}}) {
    EXPECT_TRUE(keys.Contains(kOne, key)) << key;
    EXPECT_FALSE(keys.Contains(kTwo, key)) << key;
  }
  EXPECT_TRUE(keys.Contains(kTwo, int64_t{6}));
  EXPECT_FALSE(keys.Contains(kOne, int64_t{6}));
  EXPECT_FALSE(keys.Contains({3}, int64_t{6}));
}

TEST(KeySetTest, TextsAreExact) {
  KeySet keys;
  const std::string zeros("a\0b", 3);
  keys.Add(kOne, std::string());
  keys.Add(kOne, zeros);
  keys.Add(kOne, std::string(300, 'x'));
  keys.Sort();
  EXPECT_TRUE(keys.Contains(kOne, std::string()));
  EXPECT_TRUE(keys.Contains(kOne, zeros));
  EXPECT_TRUE(keys.Contains(kOne, std::string(300, 'x')));
  EXPECT_FALSE(keys.Contains(kOne, std::string("a")));
  EXPECT_FALSE(keys.Contains(kOne, std::string(299, 'x')));
}

TEST(KeySetTest, KeepsAShareAndCountsItsBytes) {
  KeySet keys;
  for (int64_t key = 0; key < 1'000; ++key) {
    keys.Add(kOne, key);
    keys.Add(kTwo, "a text that is longer than sixteen bytes " + std::to_string(key));
  }
  EXPECT_GT(keys.bytes(), 1'000U * (8 + 40));
  KeyShare share;
  share.Halve();
  KeySet half;
  keys.Keep(share);
  keys.Sort();
  for (int64_t key = 0; key < 1'000; ++key) {
    EXPECT_EQ(keys.Contains(kOne, key), share.Has(key));
    if (share.Has(key)) {
      half.Add(kOne, key);
    }
    const std::string text = "a text that is longer than sixteen bytes " + std::to_string(key);
    EXPECT_EQ(keys.Contains(kTwo, text), share.Has(text));
    if (share.Has(text)) {
      half.Add(kTwo, text);
    }
  }
  EXPECT_EQ(keys.bytes(), half.bytes());
}

}  // namespace
}  // namespace cdc
