#include "scope/name_pattern.h"

#include <bitset>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace cdc {
namespace {

constexpr size_t kMostNames = 4096;

bool Matches(const std::string& pattern, const std::string& name) {
  return NamePattern(pattern).Matches(name);
}

// All texts over these letters, up to a length.
std::vector<std::string> TextsOf(const std::string& letters, size_t longest) {
  std::vector<std::string> texts{""};
  for (size_t begin = 0, length = 0; length < longest; ++length) {
    const size_t end = texts.size();
    for (; begin < end; ++begin) {
      for (const char letter : letters) {
        texts.push_back(texts[begin] + letter);
      }
    }
  }
  return texts;
}

// The definition, taken literally.
bool MatchesByDefinition(const std::string& pattern, const std::string& name) {
  if (pattern.empty()) {
    return name.empty();
  }
  const std::string rest = pattern.substr(1);
  if (pattern[0] == '*') {
    return MatchesByDefinition(rest, name) ||
           (!name.empty() && MatchesByDefinition(pattern, name.substr(1)));
  }
  return !name.empty() && (pattern[0] == '?' || pattern[0] == name[0]) &&
         MatchesByDefinition(rest, name.substr(1));
}

TEST(NamePatternTest, WildcardsAndLiterals) {
  EXPECT_TRUE(Matches("orders", "orders"));
  EXPECT_FALSE(Matches("orders", "Orders"));
  EXPECT_TRUE(Matches("orders_*", "orders_2024"));
  EXPECT_TRUE(Matches("orders_*", "orders_"));
  EXPECT_FALSE(Matches("orders_*", "orders"));
  EXPECT_TRUE(Matches("*_x", "a_x_x"));
  EXPECT_TRUE(Matches("a?", "ab"));
  EXPECT_FALSE(Matches("a?", "a"));
  EXPECT_FALSE(Matches("a?", "abc"));
  EXPECT_TRUE(Matches("*", ""));
  EXPECT_FALSE(Matches("", "a"));
}

TEST(NamePatternTest, OneWayToWriteARunOfWildcards) {
  EXPECT_EQ(NamePattern("**"), NamePattern("*"));
  EXPECT_TRUE(NamePattern("***").IsAny());
  EXPECT_EQ(NamePattern("a*?**?b").text(), "a??*b");
  EXPECT_EQ(NamePattern("a?b").text(), "a?b");
  EXPECT_TRUE(NamePattern("a_b").IsLiteral());
  EXPECT_FALSE(NamePattern("a?").IsLiteral());
}

// In a real name only a blank at either end can be outside ASCII.
TEST(NamePatternTest, OneCharacterOfUtf8) {
  EXPECT_TRUE(Matches("?a",
                      "\xC2\xA0"
                      "a"));
  EXPECT_FALSE(Matches("??a",
                       "\xC2\xA0"
                       "a"));
  EXPECT_TRUE(Matches("*?", "\xE5\x90\x8D"));
  EXPECT_TRUE(NamePattern("?").Covers(NamePattern("\xE5\x90\x8D")));
  EXPECT_FALSE(NamePattern("??").Intersects(NamePattern("\xE5\x90\x8D")));
}

TEST(NamePatternTest, MatchesByDefinitionForAllShortPatterns) {
  const std::vector<std::string> names = TextsOf("ab", 6);
  for (const std::string& text : TextsOf("ab*?", 5)) {
    const NamePattern pattern(text);
    for (const std::string& name : names) {
      ASSERT_EQ(pattern.Matches(name), MatchesByDefinition(text, name)) << text << " " << name;
    }
  }
}

// `c` stands for all letters that occur in no pattern. For patterns this short, names of this
// length cover all cases.
TEST(NamePatternTest, CoversAndIntersectsByDefinitionForAllShortPatterns) {
  const std::vector<std::string> names = TextsOf("abc", 7);
  std::vector<NamePattern> patterns;
  for (const std::string& text : TextsOf("ab*?", 4)) {
    if (NamePattern(text).text() == text) {
      patterns.emplace_back(text);
    }
  }
  ASSERT_LE(names.size(), kMostNames);
  std::vector<std::bitset<kMostNames>> matches(patterns.size());
  for (size_t i = 0; i < patterns.size(); ++i) {
    for (size_t k = 0; k < names.size(); ++k) {
      matches[i][k] = patterns[i].Matches(names[k]);
    }
  }
  for (size_t i = 0; i < patterns.size(); ++i) {
    for (size_t j = 0; j < patterns.size(); ++j) {
      ASSERT_EQ(patterns[i].Covers(patterns[j]), (matches[j] & ~matches[i]).none())
          << patterns[i].text() << " " << patterns[j].text();
      ASSERT_EQ(patterns[i].Intersects(patterns[j]), (matches[i] & matches[j]).any())
          << patterns[i].text() << " " << patterns[j].text();
    }
  }
}

TEST(NamePatternTest, LongerPatterns) {
  // Which "ab" has to match depends on the name, and for "axbabc" neither does.
  const NamePattern hard("*ab?*c*");
  EXPECT_FALSE(hard.Covers(NamePattern("a*bab*c")));
  EXPECT_TRUE(hard.Covers(NamePattern("a*bab?c")));
  EXPECT_TRUE(NamePattern("a*").Covers(NamePattern("a*b*c")));
  EXPECT_FALSE(NamePattern("a*b*c").Covers(NamePattern("a*")));
}

// Backtracking would never finish.
TEST(NamePatternTest, LongPatternsAreQuick) {
  std::string text;
  for (int i = 0; i < 60; ++i) {
    text += "a*";
  }
  const NamePattern pattern(text + "b");
  EXPECT_FALSE(pattern.Matches(std::string(255, 'a')));
  EXPECT_FALSE(pattern.Covers(NamePattern(std::string(200, 'a') + "*")));
  EXPECT_TRUE(pattern.Intersects(NamePattern(std::string(200, 'a') + "*")));
}

}  // namespace
}  // namespace cdc
