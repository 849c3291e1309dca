#include "reconcile/database_reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcile/testing/reconcile_fixture.h"

namespace cdc {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class DatabaseReconcilerTest : public ReconcileTest {
 protected:
  DatabaseReconcilerTest()
      : view_(&target_,
              {.log_name = "t", .expected_identity = "", .on_connected = [](const auto&) {}}) {}

  // Starts as a task does, from what the store holds.
  void BeginDatabases() {
    scope_ = std::make_unique<Scope>(spec_);
    databases_of_target_ =
        std::make_unique<DatabaseReconciler>(DatabaseReconciler::Parts{.task_id = "t",
                                                                       .catalog = &catalog_,
                                                                       .store = &store_,
                                                                       .scope = scope_.get(),
                                                                       .conditions = &conditions_,
                                                                       .target = &view_},
                                             store_.LoadProgress("t")->databases);
  }

  void SetDatabases(std::vector<Database> others) {
    databases_.resize(1);
    databases_.insert(databases_.end(), others.begin(), others.end());
    SetSource({});
  }

  bool Refresh() { return databases_of_target_->Refresh(*catalog_.Current()).ok(); }
  bool DropAndAlter(bool in_use = false) {
    return databases_of_target_->DropAndAlter(*catalog_.Current(),
                                              [in_use](const std::string&) { return in_use; });
  }

  TargetView view_;
  std::unique_ptr<DatabaseReconciler> databases_of_target_;
};

TEST_F(DatabaseReconcilerTest, DatabasesAfterTheEndOfATaskAreNeitherCreatedNorDropped) {
  spec_.stop_at = Timestamp::FromUnixMs(5000);
  catalog_.SetPresent(Timestamp::FromUnixMs(5001));
  BeginDatabases();
  SetDatabases({{.id = {7}, .name = "d", .created_ns = 5'000'000'000},
                {.id = {8}, .name = "late", .created_ns = 5'001'000'000}});
  EXPECT_TRUE(Refresh());
  SetDatabases({});
  EXPECT_FALSE(DropAndAlter());
  EXPECT_THAT(Ddls(), ElementsAre("create database d"));
  EXPECT_EQ(conditions_.Current().state, Condition::kWaiting);
  EXPECT_THAT(conditions_.Current().reason, testing::HasSubstr("d is left on the target"));
  SetDatabases({{.id = {9}, .name = "d", .created_ns = 5'002'000'000}});
  EXPECT_FALSE(DropAndAlter());
  EXPECT_EQ(conditions_.Current().state, Condition::kOk);
}

TEST_F(DatabaseReconcilerTest, ADatabaseIsCreatedAndDropped) {
  BeginDatabases();
  SetDatabases({{.id = {7}, .name = "d"}});
  EXPECT_TRUE(Refresh());
  EXPECT_TRUE(Refresh());
  EXPECT_THAT(store_.LoadProgress("t")->databases, ElementsAre("d"));
  SetDatabases({});
  EXPECT_FALSE(DropAndAlter(/*in_use=*/true));
  EXPECT_THAT(Ddls(), ElementsAre("create database d"));
  EXPECT_FALSE(DropAndAlter());
  EXPECT_THAT(Ddls(), ElementsAre("create database d", "drop database d"));
  EXPECT_THAT(store_.LoadProgress("t")->databases, IsEmpty());
}

TEST_F(DatabaseReconcilerTest, ADropWhileTheTaskWasStoppedIsReplicated) {
  BeginDatabases();
  SetDatabases({{.id = {7}, .name = "d"}});
  ASSERT_TRUE(Refresh());
  SetDatabases({});
  BeginDatabases();
  ASSERT_TRUE(Refresh());
  EXPECT_FALSE(DropAndAlter());
  EXPECT_THAT(Ddls(), ElementsAre("create database d", "drop database d"));
}

TEST_F(DatabaseReconcilerTest, ADatabaseStaysWhileAnotherIsMappedToIt) {
  spec_.name_mapping = {{.source_database = "e", .target_database = "d", .collections = {}}};
  BeginDatabases();
  SetDatabases({{.id = {7}, .name = "d"}, {.id = {8}, .name = "e"}});
  ASSERT_TRUE(Refresh());
  SetDatabases({{.id = {8}, .name = "e"}});
  EXPECT_FALSE(DropAndAlter());
  EXPECT_THAT(Ddls(), ElementsAre("create database d"));
  EXPECT_THAT(store_.LoadProgress("t")->databases, ElementsAre("e"));
}

TEST_F(DatabaseReconcilerTest, ARefusedDropIsReportedAndRetried) {
  BeginDatabases();
  SetDatabases({{.id = {7}, .name = "d"}});
  ASSERT_TRUE(Refresh());
  SetDatabases({});
  target_.FailNextDdl(FailedPreconditionError("database is not empty"));
  EXPECT_TRUE(DropAndAlter());
  EXPECT_THAT(conditions_.Current().reason, testing::HasSubstr("drop database: "));
  EXPECT_FALSE(DropAndAlter());
  EXPECT_EQ(conditions_.Current().state, Condition::kOk);
}

TEST_F(DatabaseReconcilerTest, ARefusedDropDoesNotHoldOthersBack) {
  BeginDatabases();
  SetDatabases({{.id = {7}, .name = "d"}, {.id = {8}, .name = "e"}});
  ASSERT_TRUE(Refresh());
  SetDatabases({});
  target_.FailNextDdl(FailedPreconditionError("database is not empty"));
  EXPECT_TRUE(DropAndAlter());
  EXPECT_EQ(Ddls().back(), "drop database e");
  EXPECT_THAT(store_.LoadProgress("t")->databases, ElementsAre("d"));
}

TEST_F(DatabaseReconcilerTest, PropertiesAreSetOnceEvenIfRefused) {
  BeginDatabases();
  SetDatabases({{.id = {7}, .name = "d", .properties = {{"k", "1"}}}});
  ASSERT_TRUE(Refresh());
  target_.FailNextDdl(UnavailableError("busy"));
  EXPECT_TRUE(DropAndAlter());
  EXPECT_EQ(conditions_.Current().state, Condition::kRetrying);
  target_.FailNextDdl({StatusCode::kUnimplemented, "what is that"});
  EXPECT_FALSE(DropAndAlter());
  EXPECT_EQ(conditions_.Current().state, Condition::kWaiting);
  EXPECT_FALSE(DropAndAlter());
  EXPECT_THAT(Ddls(), ElementsAre("create database d"));
}

TEST_F(DatabaseReconcilerTest, TheTargetIsListedAgainAfterAFailure) {
  BeginDatabases();
  SetDatabases({{.id = {7}, .name = "d"}});
  target_.FailConnect(UnavailableError("down"));
  EXPECT_FALSE(Refresh());
  target_.FailConnect(OkStatus());
  ASSERT_TRUE(Refresh());
  ASSERT_TRUE(target_.Apply(DropDatabase{"d"}).ok());
  databases_of_target_->ForgetTarget();
  EXPECT_TRUE(Refresh());
  EXPECT_EQ(Ddls().back(), "create database d");
}

}  // namespace
}  // namespace cdc
