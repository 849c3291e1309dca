#include "model/index_params.h"

#include <gtest/gtest.h>

namespace cdc {
namespace {

using Params = std::vector<KeyValue>;

TEST(IndexParamsTest, JsonTextAndFlatKeysAreAlike) {
  const Params flat = {{"index_type", "HNSW"}, {"metric_type", "L2"}, {"M", "16"}, {"x", "a b"}};
  const Params json = {
      {"metric_type", "l2"}, {"params", "{\"x\": \"a b\", \"M\": 16}"}, {"index_type", "HNSW"}};
  EXPECT_TRUE(SameIndexParams(flat, json));
  EXPECT_TRUE(
      SameIndexParams({{"index_type", "FLAT"}}, {{"index_type", "FLAT"}, {"params", "{}"}}));
}

TEST(IndexParamsTest, SeesOtherValues) {
  const Params params = {{"index_type", "HNSW"}, {"metric_type", "L2"}, {"M", "16"}};
  EXPECT_FALSE(
      SameIndexParams(params, {{"index_type", "HNSW"}, {"metric_type", "IP"}, {"M", "16"}}));
  EXPECT_FALSE(
      SameIndexParams(params, {{"index_type", "HNSW"}, {"metric_type", "L2"}, {"M", "8"}}));
  EXPECT_FALSE(SameIndexParams(params, {{"index_type", "HNSW"}, {"metric_type", "L2"}}));
  EXPECT_FALSE(SameIndexParams({{"params", "broken"}}, {}));
}

// The library is recursive: without the limit this would overflow the stack.
TEST(IndexParamsTest, VeryDeepJsonCountsAsText) {
  constexpr size_t kDeep = 500'000;
  const std::string deep = "{\"x\":" + std::string(kDeep, '[') + std::string(kDeep, ']') + "}";
  EXPECT_EQ(FlattenIndexParams({{"params", deep}}),
            (std::map<std::string, std::string>{{"params", deep}}));
}

TEST(IndexParamsTest, ValuesNeedNotBeUtf8) {
  EXPECT_EQ(FlattenIndexParams({{"params", "{\"x\":[\"\xff\"]}"}}),
            (std::map<std::string, std::string>{{"params", "{\"x\":[\"\xff\"]}"}}));
}

TEST(IndexParamsTest, WithoutATypeTheTargetChooses) {
  EXPECT_TRUE(SameIndexParams({}, {}));
  EXPECT_TRUE(SameIndexParams({}, {{"index_type", "AUTOINDEX"}}));
  EXPECT_TRUE(SameIndexParams({}, {{"index_type", "INVERTED"}, {"metric_type", "NONE"}}));
  EXPECT_TRUE(SameIndexParams({{"params", "{}"}}, {{"index_type", "INVERTED"}}));
  EXPECT_FALSE(SameIndexParams({}, {{"index_type", "STL_SORT"}})) << "somebody chose it";
  EXPECT_FALSE(SameIndexParams({{"index_type", "INVERTED"}}, {}));
  EXPECT_FALSE(SameIndexParams({}, {{"index_type", "AUTOINDEX"}, {"metric_type", "IP"}}));
}

TEST(IndexParamsTest, IgnoresWhatMakesNoOtherIndex) {
  EXPECT_TRUE(SameIndexParams({{"index_type", "INVERTED"}},
                              {{"index_type", "INVERTED"}, {"metric_type", "NONE"}}));
  EXPECT_TRUE(SameIndexParams({{"index_type", "FLAT"}, {"mmap.enabled", "true"}},
                              {{"index_type", "FLAT"}}));
}

}  // namespace
}  // namespace cdc
