#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/testing/task_pipeline_fixture.h"
#include "reconcile/plan/plan.h"

// How a task copes with changes and failures that happened while it was not running.
namespace cdc {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class TaskRecoveryTest : public TaskPipelineTest {
 protected:
  void SaveCheckpoint(const ChannelCheckpoint& checkpoint) {
    ASSERT_TRUE(store_.SaveCheckpoints("t", {checkpoint}).ok());
  }
};

TEST_F(TaskRecoveryTest, AStopInTheMiddleNeitherLosesNorDoubles) {
  Collection c = MakeCollection(1, "c", 5);
  c.vchannels.push_back(std::string(kChannel) + "_1v1");
  Collection second = c;
  second.vchannels = {c.vchannels[1]};
  catalog_.Set(MakeCatalog({c}));
  Start();
  log_.Append(kChannel, TickRecord(10));
  EXPECT_TRUE(WaitForCheckpoint(10));
  target_.Cork();
  log_.Append(kChannel, InsertRecord(c, {1, 2, 3}, 11));
  log_.Append(kChannel, InsertRecord(second, {4, 5}, 12));
  log_.Append(kChannel, TickRecord(20));
  ASSERT_TRUE(Eventually([&] { return target_.corked() == 2; }));
  target_.Uncork(1);  // ends one of the two calls of one tick
  ASSERT_TRUE(Eventually([&] { return target_.batches().size() == 1; }));
  Thread uncork("uncork", [this](const std::stop_token&) { target_.Uncork(); });
  Stop();
  uncork.Join();
  Start();
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows_of(RowOp::kInsert) + target_.rows_of(RowOp::kUpsert), 5U);
}

TEST_F(TaskRecoveryTest, RecordsAboveTheCheckpointAreNotRepeatedAfterACleanStop) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  ASSERT_TRUE(store_
                  .SaveCheckpoints("t", {{.channel = kChannel,
                                          .position = FakeLog::IdOf(1),
                                          .ts = {10},
                                          .applied = {FakeLog::IdOf(2)},
                                          .horizon = {}}})
                  .ok());
  log_.Append(kChannel, TickRecord(10));
  log_.Append(kChannel, InsertRecord(c, {1, 2, 3}, 11));
  log_.Append(kChannel, InsertRecord(c, {4}, 12));
  log_.Append(kChannel, TickRecord(20));
  Start();
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows_of(RowOp::kInsert), 1U);
}

TEST_F(TaskRecoveryTest, RecordsAboveTheCheckpointAreRememberedByAStopThatComesBeforeIt) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  SaveCheckpoint({.channel = kChannel,
                  .position = FakeLog::IdOf(1),
                  .ts = {10},
                  .applied = {FakeLog::IdOf(2)},
                  .horizon = {}});
  log_.Append(kChannel, TickRecord(10));
  log_.Append(kChannel, InsertRecord(c, {1, 2, 3}, 11));
  log_.Append(kChannel, InsertRecord(c, {4}, 12));
  target_.Cork();
  Start();
  log_.Append(kChannel, TickRecord(20));
  ASSERT_TRUE(Eventually([&] { return target_.corked() == 1; }));
  Thread uncork("uncork", [this](const std::stop_token&) { target_.CancelWrites(); });
  Stop();  // before all rows of the tick are written
  uncork.Join();
  target_.Uncork();
  Start();
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows_of(RowOp::kInsert) + target_.rows_of(RowOp::kUpsert), 1U);
}

TEST_F(TaskRecoveryTest, TwoLivesOfAPartitionThatAreBothOverAreDroppedOnce) {
  Collection c = MakeCollection(1, "c", 5);
  ASSERT_TRUE(target_.Apply(PlanCreate(c, {"default", "c"})).ok());
  ASSERT_TRUE(target_.Apply(CreatePartition{{"default", "c"}, "p"}).ok());
  ASSERT_TRUE(store_
                  .PutCollection("t", {.id = c.id,
                                       .source = {"default", "c"},
                                       .target = {"default", "c"},
                                       .pchannels = c.pchannels,
                                       .created = c.created,
                                       .skip_until = {},
                                       .on_target = true,
                                       .renamed_from = {},
                                       .partitions = {{{11}, "p"}, {{12}, "p"}}})
                  .ok());
  c.partitions.push_back({.id = {11}, .name = "p", .state = ObjectState::kDropping});
  c.partitions.push_back({.id = {12}, .name = "p", .state = ObjectState::kDropping});
  catalog_.Set(MakeCatalog({c}));
  target_.Cork();
  log_.Append(kChannel, InsertRecord(c, {1}, 11, {12}));
  log_.Append(kChannel, TickRecord(20));
  Start();
  ASSERT_TRUE(Eventually([&] { return target_.corked() == 1; }));
  const auto dropped = [this] { return Ddls().size() > 2; };
  EXPECT_FALSE(Eventually(dropped, std::chrono::milliseconds(300)));
  target_.Uncork();
  EXPECT_TRUE(WaitForDdl("drop partition p of default.c"));
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(Ddls().size(), 3U);
}

TEST_F(TaskRecoveryTest, AfterACrashWhatMayHaveBeenSentIsUpserted) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  ASSERT_TRUE(store_
                  .SaveCheckpoints("t", {{.channel = kChannel,
                                          .position = FakeLog::IdOf(1),
                                          .ts = {10},
                                          .applied = {},
                                          .horizon = {20}}})
                  .ok());
  log_.Append(kChannel, TickRecord(10));
  log_.Append(kChannel, InsertRecord(c, {1, 2, 3}, 11));
  log_.Append(kChannel, TickRecord(20));
  Start();
  EXPECT_TRUE(WaitForRows(RowOp::kUpsert, 3));
  log_.Append(kChannel, InsertRecord(c, {4}, 21));
  log_.Append(kChannel, TickRecord(30));
  EXPECT_TRUE(WaitForRows(RowOp::kInsert, 1));
}

TEST_F(TaskRecoveryTest, ADropWhileStoppedIsCarriedOutAtTheStart) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.c"));
  Stop();
  catalog_.Set(MakeCatalog({}));
  Start();
  EXPECT_TRUE(WaitForDdl("drop collection default.c"));
  EXPECT_TRUE(Eventually([&] { return store_.LoadProgress("t")->collections.empty(); }));
}

TEST_F(TaskRecoveryTest, AnotherMilvusInPlaceOfTheSourceDoesNotEmptyTheTarget) {
  const auto with_identity = [](Catalog catalog, uint64_t created_ns) {
    catalog.databases[kDefaultDatabaseId] = std::make_shared<Database>(
        Database{.id = kDefaultDatabaseId, .name = "default", .created_ns = created_ns});
    return catalog;
  };
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(with_identity(MakeCatalog({c}), 100));
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.c"));
  Catalog wiped;
  catalog_.Set(wiped);
  EXPECT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kRetrying; }));
  EXPECT_EQ(failure(), "");
  Stop();
  catalog_.Set(with_identity(MakeCatalog({}), 200));
  Start();
  ASSERT_TRUE(Eventually([&] { return !failure().empty(); }));
  EXPECT_THAT(failure(), HasSubstr("another Milvus"));
  EXPECT_THAT(Ddls(), ElementsAre("create collection default.c"));
}

TEST_F(TaskRecoveryTest, ACollectionBornWhileStoppedBeginsAtItsStart) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  Start();
  log_.Append(kChannel, TickRecord(10));
  ASSERT_TRUE(WaitForCheckpoint(10));
  Stop();
  Collection born = MakeCollection(2, "born", 15);
  born.pchannels = {kOtherChannel};
  born.vchannels = {std::string(kOtherChannel) + "_2v0"};
  born.start_positions[kOtherChannel] = log_.Append(kOtherChannel, TickRecord(14));
  log_.Append(kOtherChannel, InsertRecord(born, {1, 2, 3}, 16));
  log_.Append(kOtherChannel, TickRecord(20));
  catalog_.Set(MakeCatalog({c, born}));
  Start();
  EXPECT_TRUE(WaitForRows(RowOp::kInsert, 3));
}

TEST_F(TaskRecoveryTest, RowsOfAPartitionThatIsGoneAreLeftOut) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  log_.Append(kChannel, InsertRecord(c, {1}, 11, {11}));
  log_.Append(kChannel, InsertRecord(c, {2}, 12));
  log_.Append(kChannel, TickRecord(20));
  Start();
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows_of(RowOp::kInsert), 1U);
}

TEST_F(TaskRecoveryTest, RowsOfAPartitionThatGoesBeforeItWasMadeAreLeftOut) {
  Collection c = MakeCollection(1, "c", 5);
  c.partitions.push_back({.id = {11}, .name = "p"});
  catalog_.Set(MakeCatalog({c}));
  target_.FailConnect(UnavailableError("down"));
  Start();
  log_.Append(kChannel, InsertRecord(c, {1}, 11, {11}));
  log_.Append(kChannel, TickRecord(20));
  ASSERT_TRUE(Eventually([&] { return task_->GetStatus().bytes_waiting > 0; }));
  c.partitions.pop_back();
  catalog_.Set(MakeCatalog({c}));
  // A round that has already begun may still use the previous catalog.
  const int64_t attempts = task_->GetStatus().attempts;
  ASSERT_TRUE(Eventually([&] { return task_->GetStatus().attempts >= attempts + 2; }));
  target_.FailConnect(OkStatus());
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows_of(RowOp::kInsert), 0U);
}

TEST_F(TaskRecoveryTest, APartitionMadeAgainWhileStoppedLosesItsOldRows) {
  Collection c = MakeCollection(1, "c", 5);
  c.partitions.push_back({.id = {11}, .name = "p"});
  catalog_.Set(MakeCatalog({c}));
  Start();
  log_.Append(kChannel, InsertRecord(c, {1}, 11, {11}));
  log_.Append(kChannel, TickRecord(20));
  ASSERT_TRUE(WaitForCheckpoint(20));
  Stop();
  c.partitions[1].id = {12};
  catalog_.Set(MakeCatalog({c}));
  Start();
  log_.Append(kChannel, InsertRecord(c, {2}, 31, {12}));
  log_.Append(kChannel, TickRecord(40));
  ASSERT_TRUE(WaitForCheckpoint(40));
  EXPECT_THAT(Ddls(),
              ElementsAre("create collection default.c", "create partition p of default.c",
                          "drop partition p of default.c", "create partition p of default.c"));
}

TEST_F(TaskRecoveryTest, PartitionsThatOnlyTheTargetHasAreLeftAlone) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  Start();
  log_.Append(kChannel, TickRecord(10));
  ASSERT_TRUE(WaitForCheckpoint(10));
  ASSERT_TRUE(WaitForDdl("create collection default.c"));
  ASSERT_TRUE(target_.Apply(CreatePartition{{"default", "c"}, "users_own"}).ok());
  Stop();
  Start();
  log_.Append(kChannel, InsertRecord(c, {1}, 11));
  log_.Append(kChannel, TickRecord(20));
  ASSERT_TRUE(WaitForCheckpoint(20));
  EXPECT_THAT(Ddls(), Not(Contains("drop partition users_own of default.c")));
}

TEST_F(TaskRecoveryTest, ACollectionOfTheTargetThatNeverFittedIsNotDropped) {
  Collection other = MakeCollection(9, "c", 1);
  other.schema.fields[0].type = DataType::kVarChar;
  ASSERT_TRUE(target_.Apply(PlanCreate(other, {"default", "c"})).ok());
  catalog_.Set(MakeCatalog({MakeCollection(1, "c", 5)}));
  ASSERT_TRUE(replicator_->Prepare(spec_, {}).ok());
  Start();
  ASSERT_TRUE(Eventually([&] { return !failure().empty(); }));
  Stop();
  catalog_.Set(MakeCatalog({}));
  Start();
  EXPECT_TRUE(Eventually([&] { return store_.LoadProgress("t")->collections.empty(); }));
  EXPECT_THAT(Ddls(), Not(Contains("drop collection default.c")));
}

// A task is deleted and created again, so its target holds the rows of the first one.
TEST_F(TaskRecoveryTest, WhatATargetOfAnEarlierTaskMayHoldIsUpserted) {
  const Collection c = MakeCollection(1, "c", 5);
  ASSERT_TRUE(target_.Apply(PlanCreate(c, {"default", "c"})).ok());
  catalog_.Set(MakeCatalog({c}));
  catalog_.SetPresent({15});
  log_.Append(kChannel, InsertRecord(c, {1, 2, 3}, 11));
  ASSERT_TRUE(replicator_->Prepare(spec_, {}).ok());
  log_.Append(kChannel, InsertRecord(c, {4}, 16));
  log_.Append(kChannel, TickRecord(20));
  Start();
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows_of(RowOp::kUpsert), 3U);
  EXPECT_EQ(target_.rows_of(RowOp::kInsert), 1U);
}

TEST_F(TaskRecoveryTest, WhatATargetOfAnEarlierTaskMayHoldIsRememberedByAStop) {
  const Collection c = MakeCollection(1, "c", 5);
  ASSERT_TRUE(target_.Apply(PlanCreate(c, {"default", "c"})).ok());
  catalog_.Set(MakeCatalog({c}));
  catalog_.SetPresent({25});
  ASSERT_TRUE(replicator_->Prepare(spec_, {}).ok());
  log_.Append(kChannel, TickRecord(10));
  Start();
  ASSERT_TRUE(WaitForCheckpoint(10));
  Stop();
  log_.Append(kChannel, InsertRecord(c, {1, 2, 3}, 11));
  log_.Append(kChannel, TickRecord(20));
  Start();
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows_of(RowOp::kUpsert), 3U);
}

TEST_F(TaskRecoveryTest, ACollectionThatTheTaskHasMadeHoldsNothingYet) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  catalog_.SetPresent({15});
  log_.Append(kChannel, InsertRecord(c, {1, 2, 3}, 11));
  log_.Append(kChannel, TickRecord(14));
  ASSERT_TRUE(replicator_->Prepare(spec_, {}).ok());
  Start();
  EXPECT_TRUE(WaitForCheckpoint(14));
  Stop();
  log_.Append(kChannel, InsertRecord(c, {4}, 15));
  log_.Append(kChannel, TickRecord(20));
  Start();
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows_of(RowOp::kInsert), 4U);
}

TEST_F(TaskRecoveryTest, AStopThatLeavesACallInDoubtIsNotClean) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  Start();
  log_.Append(kChannel, TickRecord(10));
  ASSERT_TRUE(WaitForCheckpoint(10));
  target_.FailNextWrite(UnavailableError("connection reset"), true);
  for (int i = 0; i < 3; ++i) {
    target_.FailNextWrite(UnavailableError("still away"), false);
  }
  log_.Append(kChannel, InsertRecord(c, {1, 2}, 11));
  log_.Append(kChannel, TickRecord(20));
  ASSERT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kRetrying; }));
  Stop();
  Start();
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows_of(RowOp::kUpsert), 2U);
}

TEST_F(TaskRecoveryTest, DoubtOutlivesACleanStop) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  SaveCheckpoint({.channel = kChannel,
                  .position = FakeLog::IdOf(1),
                  .ts = {10},
                  .applied = {},
                  .horizon = {1000}});
  log_.Append(kChannel, TickRecord(10));
  log_.Append(kChannel, InsertRecord(c, {1, 2, 3}, 11));
  log_.Append(kChannel, TickRecord(20));
  target_.FailConnect(UnavailableError("down"));
  Start();
  ASSERT_TRUE(Eventually([&] { return task_->GetStatus().bytes_waiting > 0; }));
  Stop();
  target_.FailConnect(OkStatus());
  Start();
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows_of(RowOp::kUpsert), 3U);
  EXPECT_EQ(target_.rows_of(RowOp::kInsert), 0U);
}

TEST_F(TaskRecoveryTest, PartitionsCanBeIgnored) {
  Collection c = MakeCollection(1, "c", 5);
  c.partitions.push_back({.id = {11}, .name = "p"});
  catalog_.Set(MakeCatalog({c}));
  spec_.target.ignore_partition = true;
  Start();
  log_.Append(kChannel, InsertRecord(c, {1}, 11, {11}));
  log_.Append(kChannel, TickRecord(20));
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows_of(RowOp::kInsert), 1U);
  EXPECT_THAT(Ddls(), ElementsAre("create collection default.c"));
}

TEST_F(TaskRecoveryTest, ADroppedCollectionLeavesNoCondition) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  for (int i = 0; i < 4; ++i) {
    target_.FailNextWrite(UnavailableError("overloaded"), false);
  }
  Start();
  log_.Append(kChannel, InsertRecord(c, {1}, 11));
  log_.Append(kChannel, TickRecord(20));
  ASSERT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kRetrying; }));
  catalog_.Set(MakeCatalog({MakeCollection(2, "c", 25)}));
  ASSERT_TRUE(WaitForDdl("drop collection default.c"));
  catalog_.Set(MakeCatalog({}));
  EXPECT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kOk; }))
      << task_->GetStatus().reason;
}

// It used to be created again, so that everything seemed fine, although its earlier rows were gone.
TEST_F(TaskRecoveryTest, ACollectionThatWasRemovedFromTheTargetIsNotMadeAgain) {
  options_.retry = {.initial = std::chrono::milliseconds(1), .max = std::chrono::milliseconds(2)};
  NewProcess();
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  ASSERT_TRUE(replicator_->Prepare(spec_, {}).ok());
  log_.Append(kChannel, InsertRecord(c, {1, 2, 3}, 11));
  log_.Append(kChannel, TickRecord(14));
  Start();
  EXPECT_TRUE(WaitForCheckpoint(14));
  Stop();
  ASSERT_TRUE(target_.Apply(DropCollection{{"default", "c"}}).ok());
  const size_t changes = Ddls().size();
  for (int i = 0; i < 2; ++i) {  // a resume alone does not help
    Start();
    EXPECT_TRUE(Eventually([&] { return !failure().empty(); }));
    EXPECT_THAT(failure(), AllOf(HasSubstr("default.c"), HasSubstr("removed from the target")));
    Stop();
    MutexLock lock(mutex_);
    failure_.clear();
  }
  EXPECT_EQ(Ddls().size(), changes);
  ASSERT_TRUE(target_.Apply(PlanCreate(c, {"default", "c"})).ok());
  Start();
  log_.Append(kChannel, InsertRecord(c, {4}, 15));
  log_.Append(kChannel, TickRecord(20));
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows_of(RowOp::kInsert), 4U);
}

TEST_F(TaskRecoveryTest, ADatabaseInUseOnTheTargetStaysAndIsTold) {
  Catalog with = MakeCatalog({});
  with.databases[DatabaseId{7}] = std::make_shared<Database>(Database{.id = {7}, .name = "d"});
  catalog_.Set(with);
  Start();
  ASSERT_TRUE(WaitForDdl("create database d"));
  ASSERT_TRUE(target_.Apply(PlanCreate(MakeCollection(9, "sibling", 1), {"d", "sibling"})).ok());
  catalog_.Set(MakeCatalog({}));
  EXPECT_TRUE(Eventually([&] {
    const TaskStatus status = task_->GetStatus();
    return status.condition == Condition::kWaiting && !status.idle;
  }));
  EXPECT_THAT(task_->GetStatus().reason, HasSubstr("drop database d"));
  ASSERT_TRUE(target_.Apply(DropCollection{{"d", "sibling"}}).ok());
  EXPECT_TRUE(WaitForDdl("drop database d"));
  EXPECT_EQ(failure(), "");
}

}  // namespace
}  // namespace cdc
