#include "scope/check_scope.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(const std::string& name) { return CheckNamePattern("name", name).message(); }

TEST(CheckNamePatternTest, WhatANameCanBe) {
  for (const char* name :
       {"a", "_", "A_1", "a$", "a-b", "*", "**", "?", "*_x", "orders_*", "*9", "a?", "?$"}) {
    EXPECT_EQ(ErrorOf(name), "") << name;
  }
}

TEST(CheckNamePatternTest, WhatNoNameIsWithTheCure) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "is empty"},
      {"{a,b}", "has a `{`, which no name of a Milvus has; the only globs are"},
      {"a,b", "has a `,`, which no name of a Milvus has; give each name as an element of its own"},
      {"[ab]", "what is to be left out in `exclude`"},
      {"!a", "what is to be left out in `exclude`"},
      {"a%", "the only globs are `*`"},
      {"a b", "has a ` `"},
      {" a", "begins or ends with a blank"},
      {"a\n", "begins or ends with a blank"},
      {std::string("a\0b", 3), "has a `\\x00`"},
      {"a.b", "has a `.`"},
      {"a/b", "names have letters, digits and underscores"},
      {"caf\xC3\xA9", "has a `\xC3\xA9`"},
      {"9a", "begins with a `9`, but every name of a Milvus begins with a letter"},
      {"-a", "begins with a `-`"},
      {"$a", "begins with a `$`"}};
  for (const auto& [name, message] : cases) {
    EXPECT_THAT(ErrorOf(name), HasSubstr(message)) << name;
  }
}

std::string ExcludeError(const std::vector<std::string>& exclude) {
  TaskSpec spec;
  spec.collection_infos = {{"orders_*", {}, false}, {"goods", {}, false}};
  spec.db_collections = {{"shop", {{"*", {}, false}}}};
  spec.exclude = exclude;
  return CheckExclude(spec, 20).message();
}

TEST(CheckExcludeTest, WhatTakesSomethingAway) {
  EXPECT_EQ(ExcludeError({}), "");
  EXPECT_EQ(ExcludeError({"orders_1", "default.orders_??", "shop.*_x", "*.tmp_*"}), "");
}

TEST(CheckExcludeTest, WhatTakesNothingAway) {
  EXPECT_EQ(ExcludeError({"other"}),
            "exclude names nothing that the task covers, [default.other]; write `db.other` for "
            "another database, `*.other` for every database");
  EXPECT_EQ(ExcludeError({"shop2.a"}), "exclude names nothing that the task covers, [shop2.a]");
}

TEST(CheckExcludeTest, WhatLeavesNothing) {
  EXPECT_EQ(ExcludeError({"goods"}),
            "exclude leaves nothing of what the task is to cover, [default.goods]");
  EXPECT_THAT(ExcludeError({"*.*"}), HasSubstr("leaves nothing"));
  EXPECT_THAT(ExcludeError({"shop.?*", "shop.**"}), HasSubstr("[shop.*]"));
}

TEST(CheckExcludeTest, WhatIsNoEntry) {
  for (const char* text : {"", ".", "a.", ".a", "a.b.c"}) {
    EXPECT_THAT(ExcludeError({text}), HasSubstr("exclude must be `db.collection`")) << text;
  }
  EXPECT_THAT(ExcludeError({"shop.{a,b}"}), HasSubstr("name in exclude [{a,b}] has a `{`"));
  EXPECT_THAT(ExcludeError({"sh op.a"}), HasSubstr("has a ` `"));
  EXPECT_THAT(ExcludeError({"shop.a23456789012345678901"}), HasSubstr("exceeds 20 characters"));
}

}  // namespace
}  // namespace cdc
