#include "control/name_mapping.h"

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
  return CheckNameMapping(MappedTask("t", names, std::move(mappings)), 20).message();
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

TEST(NameMappingTest, NamesThatAreNone) {
  for (const char* name : {"", "*", "a.b", "a-name-that-is-longer-than-any"}) {
    EXPECT_THAT(ErrorOf({{"d", "*"}}, {{"d", "e", {{"a", name}}}}),
                HasSubstr("name mapping is empty"))
        << name;
  }
  EXPECT_NE(ErrorOf({{"*", "*"}}, {{"*", "e", {}}}), "");
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

}  // namespace
}  // namespace cdc
