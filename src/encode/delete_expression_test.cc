#include "encode/delete_expression.h"

#include <cstdint>

#include <gtest/gtest.h>

#include "model/testing/insert_builder.h"

namespace cdc {
namespace {

constexpr auto kMilvus = ExpressionDialect::kMilvus;
constexpr auto kLite = ExpressionDialect::kLite;

template <class Key>
std::string Expression(const std::vector<Key>& keys, ExpressionDialect dialect) {
  const MessagePtr message = MakeDelete(keys);
  const auto expression = DeleteExpression("id", {message->keys}, dialect);
  return expression.ok() ? *expression : expression.status().ToString();
}

std::string Text(const std::string& key, ExpressionDialect dialect) {
  return Expression<std::string>({key}, dialect);
}

TEST(DeleteExpressionTest, WritesTheEndsOfTheRangeSoThatTheyParse) {
  const std::vector<int64_t> keys = {INT64_MIN, 5, INT64_MIN + 1, INT64_MAX};
  EXPECT_EQ(Expression(keys, kMilvus),
            "id in [-9223372036854775807-1,5,-9223372036854775807,9223372036854775807]");
  EXPECT_EQ(Expression(keys, kLite),
            "id in [-9223372036854775808,5,-9223372036854775807,9223372036854775807]");
}

TEST(DeleteExpressionTest, TakesUnpackedNumbers) {
  EXPECT_EQ(*DeleteExpression("id", {{false, std::string_view("\x08\x05\x08\x07", 4)}}, kMilvus),
            "id in [5,7]");
}

TEST(DeleteExpressionTest, QuotesTexts) {
  for (const auto dialect : {kMilvus, kLite}) {
    EXPECT_EQ(Expression<std::string>({"plain", "q\"b\\s\n\r\t'", ""}, dialect),
              "id in [\"plain\",\"q\\\"b\\\\s\\n\\r\\t'\",\"\"]");
    EXPECT_EQ(Text("\x01{%s}\x7f", dialect), "id in [\"\x01{%s}\x7f\"]");
    EXPECT_EQ(Text(std::string("a\0b", 3), dialect), "id in [\"a" + std::string(1, '\0') + "b\"]");
  }
}

TEST(DeleteExpressionTest, EscapesWhatIsNotAsciiIfTheServerKnowsThat) {
  const std::string text = "gr\xc3\xbc\xc3\x9f\xe4\xb8\xad\xf0\x9f\x99\x82!";
  EXPECT_EQ(Text(text, kMilvus), "id in [\"gr\\u00fc\\u00df\\u4e2d\\U0001f642!\"]");
  EXPECT_EQ(Text(text, kLite), "id in [\"" + text + "\"]");
}

TEST(DeleteExpressionTest, LeavesWhatIsNotUtf8AsItIs) {
  for (const std::string text : {"\xff", "\x80", "a\xc3", "\xc3(", "\xe4\xb8", "\xf0\x9f\x99",
                                 "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xfc\x80\x80\x80\x80\x80"}) {
    EXPECT_EQ(Text(text, kMilvus), "id in [\"" + text + "\"]");
  }
}

TEST(DeleteExpressionTest, RefusesNoKeysAndBrokenOnes) {
  const auto code = [](const std::vector<KeyColumn>& keys) {
    return DeleteExpression("id", keys, kMilvus).status().code();
  };
  EXPECT_EQ(code({}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({{false, "\x0a\x05\x01"}}), StatusCode::kDataLoss);
  EXPECT_EQ(code({{true, "\x08\x01"}}), StatusCode::kDataLoss);
}

bool CanStand(std::string_view name, ExpressionDialect dialect) {
  return WhyNotInExpression(name, dialect).empty();
}

TEST(WhyNotInExpressionTest, AName) {
  for (const auto dialect : {kMilvus, kLite}) {
    for (const char* good : {"id", "ID", "_", "_1", "a9_B", "index", "inn", "json"}) {
      EXPECT_TRUE(CanStand(good, dialect)) << good;
    }
    for (const char* bad :
         {"", " id ", "id ", "\tid", "1id", "$id", "i-d", "i.d", "gr\xc3\xbc", "i\"d"}) {
      EXPECT_FALSE(CanStand(bad, dialect)) << bad;
    }
  }
}

TEST(WhyNotInExpressionTest, AReservedWord) {
  for (const char* word : {"in", "not", "and", "or", "like", "LIKE", "exists", "true", "True"}) {
    EXPECT_FALSE(CanStand(word, kMilvus)) << word;
    EXPECT_FALSE(CanStand(word, kLite)) << word;
  }
  for (const char* word : {"IN", "Like", "tRue", "is", "NULL", "Iso"}) {
    EXPECT_TRUE(CanStand(word, kMilvus)) << word;
    EXPECT_FALSE(CanStand(word, kLite)) << word;
  }
  for (const char* word : {"json_contains", "ARRAY_CONTAINS_ANY", "array_length"}) {
    EXPECT_FALSE(CanStand(word, kMilvus)) << word;
    EXPECT_TRUE(CanStand(word, kLite)) << word;
  }
}

TEST(KeyBoundsExpressionTest, NamesTheBounds) {
  const auto numbers = [](std::optional<PrimaryKey> after, std::optional<PrimaryKey> up_to,
                          const std::string& filter, ExpressionDialect dialect) {
    return KeyBoundsExpression("id", {.is_text = false, .after = after, .up_to = up_to}, filter,
                               dialect);
  };
  EXPECT_EQ(numbers({}, {}, "", kMilvus), "id >= -9223372036854775807-1");
  EXPECT_EQ(numbers({}, {}, "", kLite), "id >= -9223372036854775808");
  EXPECT_EQ(numbers(int64_t{-3}, int64_t{9}, "a or b", kLite), "id > -3 and id <= 9 and (a or b)");
  EXPECT_EQ(KeyBoundsExpression("id", {.is_text = true, .after = {}, .up_to = {}}, "", kMilvus),
            "id >= \"\"");
  EXPECT_EQ(
      KeyBoundsExpression(
          "id", {.is_text = true, .after = std::string("a\\"), .up_to = std::string("\u00e4")}, "",
          kMilvus),
      "id > \"a\\\\\" and id <= \"\\u00e4\"");
}

}  // namespace
}  // namespace cdc
