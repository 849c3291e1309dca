#include "scope/scope.h"

#include <gtest/gtest.h>

namespace cdc {
namespace {

TaskSpec Spec(std::map<std::string, std::vector<CollectionInfo>> databases) {
  TaskSpec spec;
  spec.db_collections = std::move(databases);
  return spec;
}

TEST(ScopeTest, StarsCoverEverything) {
  const Scope scope(Spec({{"*", {{.name = "*"}}}}));
  EXPECT_TRUE(scope.Covers({"default", "a"}));
  EXPECT_TRUE(scope.Covers({"db1", "b"}));
  EXPECT_TRUE(scope.CoversDatabase("db1"));
}

TEST(ScopeTest, CollectionInfosMeanTheDefaultDatabase) {
  TaskSpec spec;
  spec.collection_infos = {{.name = "*"}};
  const Scope scope(spec);
  EXPECT_TRUE(scope.Covers({"default", "a"}));
  EXPECT_FALSE(scope.Covers({"db1", "a"}));
  EXPECT_FALSE(scope.CoversDatabase("db1"));
}

TEST(ScopeTest, OneNameInEveryDatabase) {
  const Scope scope(Spec({{"*", {{.name = "c1"}}}}));
  EXPECT_TRUE(scope.Covers({"db1", "c1"}));
  EXPECT_TRUE(scope.Covers({"default", "c1"}));
  EXPECT_FALSE(scope.Covers({"db1", "c2"}));
}

TEST(ScopeTest, SeveralEntries) {
  const Scope scope(Spec({{"db1", {{.name = "a"}, {.name = "b"}}}, {"db2", {{.name = "*"}}}}));
  EXPECT_TRUE(scope.Covers({"db1", "a"}));
  EXPECT_TRUE(scope.Covers({"db1", "b"}));
  EXPECT_FALSE(scope.Covers({"db1", "c"}));
  EXPECT_TRUE(scope.Covers({"db2", "c"}));
}

TEST(ScopeTest, GlobsInDatabasesAndCollections) {
  const Scope scope(Spec({{"shop_*", {{.name = "orders_?"}}}, {"d", {{.name = "**"}}}}));
  EXPECT_TRUE(scope.Covers({"shop_eu", "orders_1"}));
  EXPECT_FALSE(scope.Covers({"shop_eu", "orders_12"}));
  EXPECT_FALSE(scope.Covers({"shop", "orders_1"}));
  EXPECT_TRUE(scope.CoversDatabase("shop_us"));
  EXPECT_FALSE(scope.CoversAllOf("shop_us"));
  EXPECT_TRUE(scope.CoversAllOf("d"));
}

TEST(ScopeTest, WhatTheUserExcludesIsNotCovered) {
  TaskSpec spec = Spec({{"*", {{.name = "*"}}}});
  spec.exclude = {"*.tmp_*", "scratch.*", "a"};
  const Scope scope(spec);
  EXPECT_FALSE(scope.Covers({"db1", "tmp_1"}));
  EXPECT_FALSE(scope.Covers({"scratch", "b"}));
  EXPECT_FALSE(scope.Covers({"default", "a"}));  // without a dot: of `default`
  EXPECT_TRUE(scope.Covers({"db1", "a"}));
  EXPECT_FALSE(scope.CoversDatabase("scratch"));
  EXPECT_FALSE(scope.CoversAllOf("scratch"));
  EXPECT_TRUE(scope.CoversAllOf("db1"));
  EXPECT_FALSE(scope.LeavesToOlder({"db1", "tmp_1"}));  // no other task has it
}

TEST(ScopeTest, WhatAnOlderTaskLeavesOutIsCovered) {
  TaskSpec spec = Spec({{"db", {{.name = "*"}}}});
  spec.left_to_older = {{"db.a*", {{"db.ab*", {{"db.abc", {}}}}}}};
  const Scope scope(spec);
  EXPECT_TRUE(scope.Covers({"db", "x"}));
  EXPECT_FALSE(scope.Covers({"db", "a"}));
  EXPECT_TRUE(scope.Covers({"db", "abx"}));
  EXPECT_FALSE(scope.Covers({"db", "abc"}));
  EXPECT_TRUE(scope.LeavesToOlder({"db", "abc"}));
}

TEST(ScopeTest, SaysWhatItCovers) {
  TaskSpec spec = Spec({{"db", {{.name = "a"}}}, {"e*", {{.name = "?**"}}}});
  EXPECT_EQ(Scope(spec).Describe(), R"("db.a", "e*.?*")");
  spec.exclude = {"ex.a"};
  spec.db_collections["z"] = {{.name = "1"}, {.name = "2"}, {.name = "3"}, {.name = "4"}};
  EXPECT_EQ(Scope(spec).Describe(),
            R"("db.a", "e*.?*", "z.1", "z.2", "z.3" and 1 more (but for what is excluded))");
}

TEST(ScopeTest, LeftNamesAreNotCovered) {
  TaskSpec spec = Spec({{"*", {{.name = "*"}}}});
  spec.left_to_older = {{"db1.a", {}}};
  const Scope scope(spec);
  EXPECT_FALSE(scope.Covers({"db1", "a"}));
  EXPECT_TRUE(scope.Covers({"db2", "a"}));
}

TEST(ScopeTest, AWholeDatabaseCanBeLeft) {
  TaskSpec spec = Spec({{"*", {{.name = "*"}}}});
  spec.left_to_older = {{"db1.*", {}}};
  const Scope scope(spec);
  EXPECT_FALSE(scope.Covers({"db1", "a"}));
  EXPECT_TRUE(scope.Covers({"db2", "a"}));
}

TEST(ScopeTest, NamesOnTheTarget) {
  TaskSpec spec = Spec({{"*", {{.name = "*"}}}});
  spec.name_mapping = {{"db1", "db2", {}}, {"db1", "db3", {{"a", "b"}}}, {"", "x", {{"c", "d"}}}};
  const Scope scope(spec);
  EXPECT_EQ(scope.Target({"db1", "z"}), (CollectionName{"db2", "z"}));
  EXPECT_EQ(scope.Target({"db1", "a"}), (CollectionName{"db3", "b"}));  // overrides db1's mapping
  EXPECT_EQ(scope.Target({"default", "c"}), (CollectionName{"x", "d"}));
  EXPECT_EQ(scope.Target({"default", "e"}), (CollectionName{"default", "e"}));
  EXPECT_EQ(scope.TargetDatabase("db1"), "db2");
  EXPECT_EQ(scope.TargetDatabase("default"), "default");
}

TEST(ScopeTest, ADatabaseOfWhichNothingStaysIsNotCovered) {
  TaskSpec spec = Spec({{"db1", {{.name = "a"}}}, {"db2", {{.name = "a"}, {.name = "b"}}}});
  spec.name_mapping = {{"db1", "x", {{"a", "a"}}}, {"db2", "x", {{"a", "a2"}}}};
  const Scope scope(spec);
  EXPECT_FALSE(scope.CoversDatabase("db1"));
  EXPECT_TRUE(scope.CoversDatabase("db2"));
  EXPECT_FALSE(scope.CoversAllOf("db2"));
  EXPECT_TRUE(Scope(Spec({{"db1", {{.name = "*"}}}})).CoversAllOf("db1"));
}

TEST(ScopeTest, StartIsPerEntryOrPerTask) {
  const Scope one(Spec({{"db1", {{.name = "a", .use_start_position = true}, {.name = "b"}}}}));
  EXPECT_EQ(one.StartOf({"db1", "a"}), StartFrom::kEarliest);
  EXPECT_EQ(one.StartOf({"db1", "b"}), StartFrom::kLatest);
  TaskSpec spec = Spec({{"db1", {{.name = "*"}}}});
  spec.start_from = StartFrom::kEarliest;
  EXPECT_EQ(Scope(spec).StartOf({"db1", "b"}), StartFrom::kEarliest);
  EXPECT_FALSE(CopiesStoredRows(spec));
  spec.db_collections["db1"].push_back({.name = "c*", .start_from = StartFrom::kSnapshot});
  spec.db_collections["db1"].push_back({.name = "d", .start_from = StartFrom::kLatest});
  const Scope mixed(spec);
  EXPECT_TRUE(CopiesStoredRows(spec));
  EXPECT_EQ(mixed.StartOf({"db1", "b"}), StartFrom::kEarliest);
  EXPECT_EQ(mixed.StartOf({"db1", "c1"}), StartFrom::kSnapshot);
  EXPECT_EQ(mixed.StartOf({"db1", "d"}), StartFrom::kEarliest) << "the other entry wants more";
}

}  // namespace
}  // namespace cdc
