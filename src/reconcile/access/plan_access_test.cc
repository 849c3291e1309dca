#include "reconcile/access/plan_access.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const AccessItem kRole = AccessItem::Role("reader");
const AccessItem kGrant = AccessItem::Grant("reader", "Collection", "default", "c", "Search");
const AccessItem kUser = AccessItem::User("alice");
const AccessItem kUserRole = AccessItem::UserRole("alice", "reader");
const AccessSet kAll{kRole, kGrant, kUser, kUserRole};

AccessChange Add(const AccessItem& item) { return {.add = true, .item = item}; }
AccessChange Remove(const AccessItem& item) { return {.add = false, .item = item}; }

AccessItem OnCollection(const std::string& database, const std::string& object) {
  return AccessItem::Grant("r", "Collection", database, object, "Search");
}
AccessItem OnGlobal(const std::string& database) {
  return AccessItem::Grant("r", "Global", database, "*", "CreateCollection");
}

TaskSpec SpecOf(std::map<std::string, std::vector<CollectionInfo>> databases) {
  TaskSpec spec;
  spec.db_collections = std::move(databases);
  return spec;
}

AccessSet Wanted(const AccessSet& source, const TaskSpec& spec) {
  return FindWantedAccess({.items = source}, Scope(spec)).items;
}

TEST(PlanAccess, NothingToDo) {
  const AccessPlan plan = PlanAccess(kAll, kAll, kAll, "root");
  EXPECT_THAT(plan.record, IsEmpty());
  EXPECT_THAT(plan.changes, IsEmpty());
  EXPECT_THAT(plan.forget, IsEmpty());
  EXPECT_THAT(plan.missing_users, IsEmpty());
}

TEST(PlanAccess, CreatesRolesBeforeTheirGrantsAndUsers) {
  const AccessPlan plan = PlanAccess(kAll, {kUser}, {}, "root");
  EXPECT_THAT(plan.changes, ElementsAre(Add(kRole), Add(kGrant), Add(kUserRole)));
  EXPECT_EQ(plan.record, kAll);
}

TEST(PlanAccess, AMissingUserHoldsNothingElse) {
  const AccessPlan plan = PlanAccess(kAll, {}, {}, "root");
  EXPECT_THAT(plan.changes, ElementsAre(Add(kRole), Add(kGrant)));
  EXPECT_THAT(plan.missing_users, ElementsAre("alice"));
  // Neither has been there: if somebody creates that user, it is not the task's to remove.
  EXPECT_THAT(plan.record, UnorderedElementsAre(kRole, kGrant));
}

TEST(PlanAccess, RemovesInTheReverseOrder) {
  const AccessPlan plan = PlanAccess({}, kAll, kAll, "root");
  EXPECT_THAT(plan.changes,
              ElementsAre(Remove(kUserRole), Remove(kUser), Remove(kGrant), Remove(kRole)));
  EXPECT_THAT(plan.forget, IsEmpty());
}

TEST(PlanAccess, RemovesNothingThatItHasNotRecorded) {
  const AccessItem other = AccessItem::UserRole("bob", "reader");
  const AccessPlan plan = PlanAccess({}, {kRole, kGrant, kUser, kUserRole, other}, {kUserRole}, "");
  EXPECT_THAT(plan.changes, ElementsAre(Remove(kUserRole)));
}

TEST(PlanAccess, ForgetsWhatIsGoneOnBothSides) {
  const AccessPlan plan = PlanAccess({}, {}, kAll, "root");
  EXPECT_EQ(plan.forget, kAll);
  EXPECT_THAT(plan.changes, IsEmpty());
}

TEST(PlanAccess, RestoresWhatTheTargetHasLost) {
  const AccessPlan plan = PlanAccess(kAll, {kRole, kUser}, kAll, "root");
  EXPECT_THAT(plan.changes, ElementsAre(Add(kGrant), Add(kUserRole)));
  EXPECT_THAT(plan.record, IsEmpty());
}

TEST(PlanAccess, RemovalsComeFirst) {
  const AccessItem other = AccessItem::Role("zoo");
  const AccessPlan plan = PlanAccess({kRole}, {other}, {other}, "root");
  EXPECT_THAT(plan.changes, ElementsAre(Remove(other), Add(kRole)));
}

TEST(PlanAccess, KeepsTheUserItWorksAs) {
  const AccessPlan plan =
      PlanAccess({kRole}, {kRole, kUser, kUserRole}, {kUser, kUserRole}, "alice");
  EXPECT_THAT(plan.changes, IsEmpty());
  EXPECT_THAT(plan.forget, UnorderedElementsAre(kUser, kUserRole));
}

TEST(FindWantedAccess, WhatEveryMilvusHasIsNoItem) {
  const AccessItem grant = AccessItem::Grant("public", "Global", "*", "*", "ShowCollections");
  const AccessItem binding = AccessItem::UserRole("root", "reader");
  EXPECT_THAT(Wanted({AccessItem::Role("admin"), AccessItem::Role("public"),
                      AccessItem::User("root"), grant, binding, kRole},
                     SpecOf({{"*", {{.name = "*"}}}})),
              UnorderedElementsAre(grant, binding, kRole));
}

TEST(FindWantedAccess, GrantsOutsideOfTheScopeAreLeftOut) {
  const TaskSpec spec = SpecOf({{"all", {{.name = "*"}}}, {"some", {{.name = "a*"}}}});
  const AccessSet covered{OnCollection("all", "x"),
                          OnCollection("all", "*"),
                          OnCollection("some", "a1"),
                          OnCollection("*", "*"),
                          OnGlobal("all"),
                          OnGlobal("some"),
                          OnGlobal("*")};
  const AccessSet outside{OnCollection("some", "b"), OnCollection("some", "*"),
                          OnCollection("other", "x"), OnCollection("*", "a1"), OnGlobal("other")};
  AccessSet source = covered;
  source.insert(outside.begin(), outside.end());
  const WantedAccess wanted = FindWantedAccess({.items = source}, Scope(spec));
  EXPECT_EQ(wanted.items, covered);
  EXPECT_EQ(wanted.outside, outside);
}

TEST(FindWantedAccess, GrantsGetTheNamesOfTheTarget) {
  TaskSpec spec = SpecOf({{"*", {{.name = "*"}}}});
  spec.name_mapping = {{"db1", "db2", {}}, {"db3", "db4", {{"a", "b"}}}};
  EXPECT_THAT(
      Wanted({OnCollection("db1", "x"), OnCollection("db1", "*"), OnGlobal("db1"),
              OnCollection("db3", "a"), OnCollection("db3", "c")},
             spec),
      UnorderedElementsAre(OnCollection("db2", "x"), OnCollection("db2", "*"), OnGlobal("db2"),
                           OnCollection("db4", "b"), OnCollection("db3", "c")));
}

TEST(FindWantedAccess, GrantsOfGroupsAreToldApart) {
  const AccessItem group = AccessItem::Grant("r", "Global", "*", "*", "GroupReadOnly");
  const WantedAccess wanted =
      FindWantedAccess({.items = {group}}, Scope(SpecOf({{"*", {{.name = "*"}}}})));
  EXPECT_THAT(wanted.items, IsEmpty());
  EXPECT_THAT(wanted.outside, IsEmpty());
  EXPECT_THAT(wanted.of_groups, ElementsAre(group));
}

}  // namespace
}  // namespace cdc
