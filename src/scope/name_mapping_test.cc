#include "scope/name_mapping.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TaskSpec MappedTask(const std::string& id,
                    const std::vector<CollectionName>& names,
                    std::vector<NameMapping> mappings) {
  TaskSpec spec;
  spec.id = id;
  for (const CollectionName& name : names) {
    spec.db_collections[name.database].push_back({name.collection, {}, false});
  }
  spec.name_mapping = std::move(mappings);
  return spec;
}

std::string ErrorOf(const std::vector<CollectionName>& names, std::vector<NameMapping> mappings) {
  const TaskSpec spec = MappedTask("t", names, std::move(mappings));
  const Status checked = CheckNameMapping(spec, 20);
  return checked.ok() ? CheckMappingIsCovered(spec).message() : checked.message();
}

TEST(NameMappingTest, WhatIsCoveredMayHaveAnotherName) {
  EXPECT_EQ(ErrorOf({{"d", "*"}}, {{"d", "e", {}}}), "");
  EXPECT_EQ(ErrorOf({{"d", "*"}}, {{"d", "e", {}}, {"d", "f", {{"a", "b"}}}}), "");
  EXPECT_EQ(ErrorOf({{"d", "a"}, {"d", "b"}}, {{"d", "d", {{"a", "b"}, {"b", "a"}}}}), "");
  EXPECT_EQ(ErrorOf({{"*", "*"}}, {{"d", "e", {}}}), "");
}

TEST(NameMappingTest, WhatIsNotCoveredIsRefused) {
  const char* const text =
      "the collection name in the name mapping is not in the collection info, checkout it";
  EXPECT_EQ(ErrorOf({{"d", "a"}}, {{"d", "e", {}}}), text);
  EXPECT_EQ(ErrorOf({{"d", "a"}}, {{"d", "e", {{"b", "c"}}}}), text);
  EXPECT_EQ(ErrorOf({{"d", "*"}}, {{"x", "e", {}}}), text);
}

TEST(NameMappingTest, ADatabaseCanBeMappedThroughAPattern) {
  EXPECT_EQ(ErrorOf({{"d", "orders_*"}}, {{"d", "e", {}}}), "");
  EXPECT_EQ(ErrorOf({{"d*", "a?"}}, {{"d1", "e", {}}, {"d2", "f", {{"ab", "x"}}}}), "");
  EXPECT_NE(ErrorOf({{"d*", "a?"}}, {{"e", "f", {}}}), "");
  EXPECT_NE(ErrorOf({{"d", "a?"}}, {{"d", "f", {{"abc", "x"}}}}), "");
}

TEST(NameMappingTest, WhatIsExcludedCannotBeMapped) {
  TaskSpec spec = MappedTask("t", {{"d", "*"}}, {{"d", "d", {{"a", "b"}}}});
  spec.exclude = {"d.a*"};
  EXPECT_THAT(CheckNameMapping(spec, 20).message(), HasSubstr("`exclude` leaves out, [d.a]"));
}

TEST(NameMappingTest, OneNameOnTheTargetThroughPatterns) {
  EXPECT_NE(ErrorOf({{"d", "a*"}, {"e", "*b"}}, {{"d", "e", {}}}), "");
  EXPECT_EQ(ErrorOf({{"d", "a*"}, {"e", "b*"}}, {{"d", "e", {}}}), "");
  EXPECT_NE(ErrorOf({{"d", "x"}, {"e", "a?"}}, {{"d", "e", {{"x", "ab"}}}}), "");
  EXPECT_EQ(ErrorOf({{"d", "x"}, {"e", "a?"}}, {{"d", "e", {{"x", "abc"}}}}), "");
}

TEST(NameMappingTest, NamesThatAreNone) {
  for (const char* name : {"", "*", "a.b", "a?", "a-name-that-is-longer-than-any"}) {
    EXPECT_THAT(ErrorOf({{"d", "*"}}, {{"d", "e", {{"a", name}}}}),
                HasSubstr("name mapping is empty"))
        << name;
  }
  EXPECT_NE(ErrorOf({{"*", "*"}}, {{"*", "e", {}}}), "");
  EXPECT_THAT(ErrorOf({{"d", "*"}}, {{"d", "e", {{"a,b", "x"}}}}),
              HasSubstr("no name of a Milvus"));
  EXPECT_THAT(ErrorOf({{"*", "*"}}, {{"d ", "e", {}}}), HasSubstr("blank"));
  // A source collection can have this name.
  EXPECT_EQ(ErrorOf({{"d", "*"}}, {{"d", "e", {{" a", "a"}}}}), "");
  EXPECT_NE(ErrorOf({{"d", "*"}}, {{"d", "*", {}}}), "");
  EXPECT_NE(ErrorOf({{"d", "*"}}, {{"d", "e", {{"*", "x"}}}}), "");
}

TEST(NameMappingTest, TwoEntriesForOneSource) {
  EXPECT_THAT(ErrorOf({{"d", "*"}}, {{"d", "e", {}}, {"d", "f", {}}}),
              HasSubstr("two entries for d.*"));
}

TEST(NameMappingTest, TwoSourcesWithOneTargetAreBothNamed) {
  EXPECT_THAT(ErrorOf({{"d", "a"}, {"d", "b"}}, {{"d", "e", {{"a", "x"}, {"b", "x"}}}}),
              AllOf(HasSubstr("d.a"), HasSubstr("d.b"), HasSubstr("e.x")));
  EXPECT_THAT(ErrorOf({{"d", "a"}, {"d", "b"}}, {{"d", "d", {{"a", "b"}}}}),
              AllOf(HasSubstr("d.a"), HasSubstr("d.b")));
  EXPECT_THAT(ErrorOf({{"d", "*"}, {"e", "*"}}, {{"d", "e", {}}}),
              AllOf(HasSubstr("d.*"), HasSubstr("e.*")));
}

TEST(NameMappingTest, TwoTasksOfOneTargetMustNotMeet) {
  const TaskSpec older = MappedTask("old", {{"d", "*"}}, {{"d", "e", {}}});
  const auto collision = [&older](const std::vector<CollectionName>& names,
                                  std::vector<NameMapping> mappings) {
    return FindTargetCollision(MappedTask("new", names, std::move(mappings)), {&older});
  };
  EXPECT_EQ(collision({{"x", "y"}}, {{"x", "e", {{"y", "z"}}}}),
            "e.z of x.y is the target of d.* in task old");
  EXPECT_NE(collision({{"e", "a"}}, {}), "");
  EXPECT_NE(collision({{"e", "*"}}, {}), "");
  EXPECT_EQ(collision({{"x", "y"}}, {}), "");
  EXPECT_EQ(collision({{"x", "y"}}, {{"x", "d", {{"y", "z"}}}}), "");
  EXPECT_EQ(collision({{"e", "*"}}, {{"e", "d", {}}}), "");
}

TEST(NameMappingTest, PatternsOfTwoTasksThatMeet) {
  const TaskSpec older = MappedTask("old", {{"d", "a*"}}, {{"d", "e", {}}});
  const auto collision = [&older](const CollectionName& name, std::vector<NameMapping> mappings) {
    return FindTargetCollision(MappedTask("new", {name}, std::move(mappings)), {&older});
  };
  EXPECT_EQ(collision({"x", "*1"}, {{"x", "e", {}}}),
            "e.*1 of x.*1 is the target of d.a* in task old");
  EXPECT_EQ(collision({"x", "b*"}, {{"x", "e", {}}}), "");
  EXPECT_EQ(collision({"e", "b?"}, {}), "");
  EXPECT_NE(collision({"e*", "?a"}, {{"e1", "e", {{"aa", "x"}}}}), "");
  EXPECT_EQ(collision({"*", "*"}, {}), "");
  EXPECT_EQ(collision({"d", "b*"}, {{"d", "e", {}}}), "");
  EXPECT_EQ(collision({"d", "*"}, {{"d", "e", {}}}), "");  // the older task owns what both cover
}

TEST(NameMappingTest, WhatTheOlderTaskExcludesIsMappedFreely) {
  TaskSpec older = MappedTask("old", {{"*", "*"}}, {});
  older.exclude = {"x.*"};
  const TaskSpec created = MappedTask("new", {{"x", "*"}}, {{"x", "y", {}}});
  EXPECT_NE(FindTargetCollision(created, {&older}), "");
  older.exclude = {"x.*", "y.*"};
  EXPECT_EQ(FindTargetCollision(created, {&older}), "");
  older.exclude = {"x.*"};
  older.name_mapping = {{"y", "z", {}}};
  EXPECT_EQ(FindTargetCollision(created, {&older}), "");
}

}  // namespace
}  // namespace cdc
