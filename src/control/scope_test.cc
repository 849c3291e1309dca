#include "control/scope.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TaskSpec Task(const std::vector<CollectionName>& names,
              const std::vector<std::string>& excluded = {}) {
  TaskSpec spec;
  for (const CollectionName& name : names) {
    spec.db_collections[name.database].push_back({name.collection, {}, false});
  }
  spec.exclude_collections = excluded;
  return spec;
}

struct Case {
  std::string created;  // "db.collection"
  std::string existing;
  std::string existing_excludes;
  bool duplicate;
  std::string exclusion;
};

CollectionName Name(const std::string& text) {
  const size_t dot = text.find('.');
  return {text.substr(0, dot), text.substr(dot + 1)};
}

class ScopeTest : public ::testing::TestWithParam<Case> {};

TEST_P(ScopeTest, NewAgainstOld) {
  const Case& test = GetParam();
  const TaskSpec existing = Task({Name(test.existing)}, test.existing_excludes.empty()
                                                            ? std::vector<std::string>{}
                                                            : std::vector{test.existing_excludes});
  const ScopeDecision decision = CompareScopes(Task({Name(test.created)}), {&existing});
  EXPECT_EQ(!decision.duplicates.empty(), test.duplicate);
  if (test.exclusion.empty()) {
    EXPECT_THAT(decision.exclusions, IsEmpty());
  } else {
    EXPECT_THAT(decision.exclusions, ElementsAre(test.exclusion));
  }
}

INSTANTIATE_TEST_SUITE_P(All,
                         ScopeTest,
                         ::testing::Values(Case{"db.a", "db.a", "", true, ""},
                                           Case{"db.a", "db.b", "", false, ""},
                                           Case{"db.a", "other.a", "", false, ""},
                                           Case{"db.a", "db.*", "", true, ""},
                                           Case{"db.a", "*.a", "", true, ""},
                                           Case{"db.a", "*.*", "", true, ""},
                                           Case{"db.*", "*.*", "", true, ""},
                                           Case{"*.a", "*.*", "", true, ""},
                                           Case{"*.*", "*.*", "", true, ""},
                                           // Specific first, wide later.
                                           Case{"db.*", "db.a", "", false, "db.a"},
                                           Case{"*.*", "db.a", "", false, "db.a"},
                                           Case{"*.*", "db.*", "", false, "db.*"},
                                           Case{"*.a", "db.a", "", false, "db.a"},
                                           // Neither covers the other, and they share one name.
                                           Case{"db.*", "*.a", "", false, "db.a"},
                                           Case{"*.a", "db.*", "", false, "db.a"},
                                           // What the older wide task leaves to others is free.
                                           Case{"db.a", "db.*", "db.a", false, ""},
                                           Case{"db.a", "*.*", "db.*", false, ""},
                                           Case{"db.a", "db.*", "db.b", true, ""}));

TEST(ScopeOfTest, EmptyDatabaseIsTheDefaultOneAndNamesComeOnce) {
  TaskSpec spec;
  spec.collection_infos = {{"a", {}, false}, {"b", {}, false}};
  spec.db_collections = {{"", {{"a", {}, false}}}, {"db", {{"*", {}, false}}}};
  EXPECT_THAT(ScopeOf(spec), ElementsAre(CollectionName{"db", "*"}, CollectionName{"default", "a"},
                                         CollectionName{"default", "b"}));
}

TEST(CompareScopesTest, SeveralNamesOfOneTask) {
  const TaskSpec first = Task({{"db", "a"}, {"db", "b"}});
  const TaskSpec second = Task({{"x", "*"}});
  const ScopeDecision decision =
      CompareScopes(Task({{"db", "b"}, {"db", "c"}, {"x", "y"}}), {&first, &second});
  EXPECT_THAT(decision.duplicates,
              ElementsAre(CollectionName{"db", "b"}, CollectionName{"x", "y"}));
}

}  // namespace
}  // namespace cdc
