#include "scope/compare_scopes.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "scope/scope.h"

namespace cdc {
namespace {

using ::testing::ElementsAre;

// Names have the form "db.collection".
TaskSpec Task(const std::vector<std::string>& names,
              std::vector<std::string> exclude = {},
              std::vector<LeftName> left = {}) {
  TaskSpec spec;
  for (const std::string& name : names) {
    const size_t dot = name.find('.');
    spec.db_collections[name.substr(0, dot)].push_back({name.substr(dot + 1), {}, false});
  }
  spec.exclude = std::move(exclude);
  spec.left_to_older = std::move(left);
  return spec;
}

// "refused", or what the new task leaves to the older ones; empty if nothing.
std::string Decide(const TaskSpec& created, const std::vector<const TaskSpec*>& existing) {
  const ScopeDecision decision = CompareScopes(created, existing);
  if (!decision.duplicates.empty()) {
    return "refused";
  }
  std::string text;
  for (const LeftName& name : decision.left) {
    text += (text.empty() ? "" : "; ") + ShowLeftName(name);
  }
  return text;
}

struct Case {
  std::string created;
  std::string existing;
  std::string left_by_existing;
  std::string decision;
};

class CompareScopesTest : public ::testing::TestWithParam<Case> {};

TEST_P(CompareScopesTest, NewAgainstOld) {
  const Case& test = GetParam();
  const TaskSpec existing =
      Task({test.existing}, {},
           test.left_by_existing.empty() ? std::vector<LeftName>{}
                                         : std::vector{LeftName{test.left_by_existing, {}}});
  EXPECT_EQ(Decide(Task({test.created}), {&existing}), test.decision);
}

INSTANTIATE_TEST_SUITE_P(All,
                         CompareScopesTest,
                         ::testing::Values(Case{"db.a", "db.a", "", "refused"},
                                           Case{"db.a", "db.b", "", ""},
                                           Case{"db.a", "other.a", "", ""},
                                           Case{"db.a", "db.*", "", "refused"},
                                           Case{"db.a", "*.a", "", "refused"},
                                           Case{"db.a", "*.*", "", "refused"},
                                           Case{"db.*", "*.*", "", "refused"},
                                           Case{"*.a", "*.*", "", "refused"},
                                           Case{"*.*", "*.*", "", "refused"},
                                           // Specific first, wide later.
                                           Case{"db.*", "db.a", "", "db.a"},
                                           Case{"*.*", "db.a", "", "db.a"},
                                           Case{"*.*", "db.*", "", "db.*"},
                                           Case{"*.a", "db.a", "", "db.a"},
                                           // Neither covers the other, but they share a name.
                                           Case{"db.*", "*.a", "", "db.a"},
                                           Case{"*.a", "db.*", "", "db.a"},
                                           // What the older, wider task leaves to others is free.
                                           Case{"db.a", "db.*", "db.a", ""},
                                           Case{"db.a", "*.*", "db.*", ""},
                                           Case{"db.a", "db.*", "db.b", "refused"},
                                           // The same name.
                                           Case{"db.*", "db.*", "db.a", "refused"},
                                           // Globs.
                                           Case{"db.a1", "db.a*", "", "refused"},
                                           Case{"db.a?", "db.a*", "", "refused"},
                                           Case{"db.**", "db.*", "", "refused"},
                                           Case{"db.b*", "db.a*", "", ""},
                                           Case{"db.a*", "db.a?", "", "db.a?"},
                                           Case{"d*.a", "db.*", "", "db.a"},
                                           Case{"db.*b", "db.a*", "", "db.a*"},
                                           Case{"db.a1", "db.a*", "db.a?", ""}));

TEST(CompareScopesTest, SeveralNamesOfOneTask) {
  const TaskSpec first = Task({"db.a", "db.b"});
  const TaskSpec second = Task({"x.*"});
  EXPECT_THAT(CompareScopes(Task({"db.b", "db.c", "x.y"}), {&first, &second}).duplicates,
              ElementsAre("db.b", "x.y"));
}

TEST(CompareScopesTest, EmptyDatabaseIsTheDefaultOne) {
  TaskSpec existing;
  existing.collection_infos = {{"a", {}, false}};
  EXPECT_EQ(Decide(Task({".a"}), {&existing}), "refused");
}

TEST(CompareScopesTest, WhatTheUserExcludesFromTheOlderTaskIsFree) {
  const TaskSpec existing = Task({"db.*"}, {"db.tmp_*"});
  EXPECT_EQ(Decide(Task({"db.tmp_a"}), {&existing}), "");
  EXPECT_EQ(Decide(Task({"db.tmp_*"}), {&existing}), "");
  EXPECT_EQ(Decide(Task({"db.a"}), {&existing}), "refused");
  EXPECT_EQ(Decide(Task({"db.*"}), {&existing}), "db.* except db.tmp_*");
  EXPECT_EQ(Decide(Task({"db.t*"}), {&existing}), "db.t* except db.tmp_*");
  EXPECT_EQ(Decide(Task({"*.*"}), {&existing}), "db.* except db.tmp_*");
  EXPECT_EQ(Decide(Task({"db.*"}, {"db.tmp_*"}), {&existing}), "refused");
}

TEST(CompareScopesTest, WhatTheUserExcludesFromTheNewTaskNeedsNoExclusion) {
  const TaskSpec existing = Task({"db.a"});
  EXPECT_EQ(Decide(Task({"db.*"}, {"db.a"}), {&existing}), "");
  EXPECT_EQ(Decide(Task({"db.*"}, {"db.a?"}), {&existing}), "db.a");
}

TEST(CompareScopesTest, WhatIsLeftToATaskThatIsThereIsNotSaidTwice) {
  const TaskSpec first = Task({"db.a"});
  const TaskSpec second = Task({"db.*"}, {}, {{"db.a", {}}});
  EXPECT_EQ(Decide(Task({"*.*"}), {&first, &second}), "db.*; db.a");
  EXPECT_EQ(Decide(Task({"*.*"}), {&second}), "db.* except db.a");  // the first one is gone
  const TaskSpec third = Task({"*.*"}, {}, {{"db.*", {{"db.a", {}}}}});
  EXPECT_EQ(Decide(Task({"d*.*"}), {&third}), "refused");
  EXPECT_EQ(Decide(Task({"db.b"}), {&third}), "");
  EXPECT_EQ(Decide(Task({"db.a"}), {&third}), "refused");
}

// Whatever the order of creates and deletes, no collection is ever covered by two tasks, and a
// collection that no task covers is covered by a new task that names it.
TEST(CompareScopesTest, NoCollectionHasTwoTasks) {
  const std::vector<std::string> parts{"a", "b", "ab", "a*", "*b", "?", "*", "a?"};
  const std::vector<std::string> literals{"a", "b", "ab", "aa", "ba", "c"};
  std::mt19937 random(7);
  const auto pick = [&random](const std::vector<std::string>& from) {
    return from[random() % from.size()];
  };
  size_t created = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<TaskSpec> tasks;
    for (int step = 0; step < 12; ++step) {
      if (!tasks.empty() && random() % 4 == 0) {
        tasks.erase(tasks.begin() + static_cast<std::ptrdiff_t>(random() % tasks.size()));
        continue;
      }
      TaskSpec spec = Task({pick(parts) + "." + pick(parts), pick(parts) + "." + pick(parts)});
      for (size_t i = random() % 3; i > 0; --i) {
        spec.exclude.push_back(pick(parts) + "." + pick(parts));
      }
      std::vector<const TaskSpec*> existing;
      for (const TaskSpec& task : tasks) {
        existing.push_back(&task);
      }
      ScopeDecision decision = CompareScopes(spec, existing);
      if (!decision.duplicates.empty()) {
        continue;
      }
      const Scope wanted(spec);
      spec.left_to_older = std::move(decision.left);
      tasks.push_back(spec);
      ++created;
      for (const std::string& database : literals) {
        for (const std::string& collection : literals) {
          const CollectionName name{database, collection};
          const auto covering =
              std::count_if(tasks.begin(), tasks.end(),
                            [&name](const auto& task) { return Scope(task).Covers(name); });
          ASSERT_LE(covering, 1) << name.ToString();
          ASSERT_TRUE(covering == 1 || !wanted.Covers(name)) << name.ToString();
        }
      }
    }
  }
  EXPECT_GT(created, 500U);
}

}  // namespace
}  // namespace cdc
