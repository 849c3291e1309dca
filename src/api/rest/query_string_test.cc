#include "api/rest/query_string.h"

#include <gtest/gtest.h>

namespace cdc {
namespace {

TEST(QueryStringTest, Parses) {
  const Result<QueryParameters> query = ParseQuery("a=1&b=x+y%2Bz&&c&d=%E2%82%AC=");
  ASSERT_TRUE(query.ok());
  EXPECT_EQ(*query, (QueryParameters{{"a", "1"}, {"b", "x y+z"}, {"c", ""}, {"d", "€="}}));
  EXPECT_TRUE(ParseQuery("")->empty());
}

TEST(QueryStringTest, RefusesWhatIsAmbiguous) {
  for (const char* text : {"a=%", "a=%2", "a=%zz", "%=1", "a=% 1", "a=%-1", "a=%+1", "a=1&a=2"}) {
    EXPECT_EQ(ParseQuery(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST(QueryStringTest, SegmentsComeBack) {
  const std::string text = "a/b?c %\xff.~-_";
  EXPECT_EQ(EncodePathSegment(text), "a%2Fb%3Fc%20%25%FF.~-_");
  EXPECT_EQ(DecodePercent(EncodePathSegment(text)), text);
}

}  // namespace
}  // namespace cdc
