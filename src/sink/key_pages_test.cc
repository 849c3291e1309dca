#include "sink/key_pages.h"

#include <algorithm>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// A server that evaluates the bounds of an expression about numbers.
class Keys {
 public:
  explicit Keys(std::vector<int64_t> keys) : keys_(std::move(keys)) {}

  Result<std::vector<PrimaryKey>> Query(const std::string& expression, size_t limit) {
    ++queries_;
    const int64_t after = std::stoll(expression.substr(expression.find('>') + 2));
    const bool open = expression.find(">=") == std::string::npos;
    const size_t bound = expression.find("<= ");
    const int64_t up_to =
        bound == std::string::npos ? INT64_MAX : std::stoll(expression.substr(bound + 3));
    std::vector<PrimaryKey> found;
    for (const int64_t key : keys_) {
      if (found.size() < limit && (open ? key > after : true) && key <= up_to) {
        found.emplace_back(key);
      }
    }
    return found;
  }
  size_t queries() const { return queries_; }

 private:
  const std::vector<int64_t> keys_;
  size_t queries_ = 0;
};

std::vector<int64_t> ReadAll(Keys* keys, bool smallest_first) {
  const KeyScope scope{.target = {"default", "c"}, .primary_key = "id"};
  const KeyQueries queries{.dialect = ExpressionDialect::kLite,
                           .smallest_first = smallest_first,
                           .query = [keys](const std::string& expression, size_t limit) {
                             return keys->Query(expression, limit);
                           }};
  std::vector<int64_t> read;
  std::optional<PrimaryKey> after;
  do {
    const Result<KeyPage> page = ReadKeyPage(scope, after, queries);
    EXPECT_TRUE(page.ok()) << page.status().ToString();
    for (const PrimaryKey& key : page->keys) {
      read.push_back(std::get<int64_t>(key));
    }
    after = page->next;
  } while (after.has_value());
  return read;
}

std::vector<int64_t> Range(int64_t begin, int64_t end) {
  std::vector<int64_t> keys;
  for (int64_t key = begin; key < end; ++key) {
    keys.push_back(key);
  }
  return keys;
}

TEST(KeyPagesTest, ReadsAServerThatReturnsTheSmallestKeys) {
  const auto all = Range(-20'000, 30'000);
  Keys keys(all);
  EXPECT_EQ(ReadAll(&keys, true), all);
  EXPECT_EQ(keys.queries(), 5U);  // the last one finds nothing
}

TEST(KeyPagesTest, ReadsAServerThatReturnsAnyKeys) {
  const auto all = Range(-20'000, 80'000);
  for (uint32_t seed = 0; seed < 5; ++seed) {
    auto mixed = all;
    std::shuffle(mixed.begin(), mixed.end(), std::mt19937(seed));
    Keys keys(mixed);
    EXPECT_EQ(ReadAll(&keys, false), all);
  }
  auto falling = all;
  std::ranges::reverse(falling);
  Keys keys(falling);
  EXPECT_EQ(ReadAll(&keys, false), all);
}

TEST(KeyPagesTest, ReadsNothingAndOnePage) {
  for (const bool smallest_first : {false, true}) {
    Keys none({});
    EXPECT_TRUE(ReadAll(&none, smallest_first).empty());
    Keys few({7, INT64_MIN, INT64_MAX});
    EXPECT_THAT(ReadAll(&few, smallest_first), ElementsAre(INT64_MIN, 7, INT64_MAX));
  }
}

TEST(KeyPagesTest, AsksForFewLongTextsAtOnce) {
  size_t asked = 0;
  std::string with;
  const auto page =
      ReadKeyPage({.target = {"default", "c"},
                   .primary_key = "id",
                   .max_key_bytes = 65'535,
                   .filter = "v == 1"},
                  PrimaryKey(std::string("a\"")),
                  {.dialect = ExpressionDialect::kMilvus,
                   .smallest_first = true,
                   .query = [&](const std::string& expression, size_t limit) {
                     with = expression;
                     asked = limit;
                     return Result<std::vector<PrimaryKey>>(std::vector<PrimaryKey>());
                   }});
  ASSERT_TRUE(page.ok());
  EXPECT_LE(asked * 65'535, 16U << 20);
  EXPECT_EQ(with, R"(id > "a\"" and (v == 1))");
}

TEST(KeyPagesTest, SaysWhichNameNoExpressionCanHave) {
  const auto page =
      ReadKeyPage({.target = {"default", "c"}, .primary_key = "like"}, {},
                  {.dialect = ExpressionDialect::kMilvus, .smallest_first = true, .query = {}});
  EXPECT_EQ(page.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(page.status().message(), HasSubstr("like; drop the collection"));
}

}  // namespace
}  // namespace cdc
