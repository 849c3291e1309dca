#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/testing/task_pipeline_fixture.h"
#include "reconcile/plan/plan.h"

// A collection that cannot be replicated any further, while the others of its task go on. The test
// does what the task manager does: it stops the task, has it changed, and starts it again.
namespace cdc {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class TaskSetAsideTest : public TaskPipelineTest {
 protected:
  TaskSetAsideTest() {
    spec_.on_collection_error = OnCollectionError::kSetAside;
    catalog_.SetPresent({1'000});
    catalog_.Set(MakeCatalog({a_, b_}));
  }

  void ChangeAndRestart(const TaskChanges& changes) {
    Stop();
    const Status changed = replicator_->Change(spec_, changes);
    ASSERT_TRUE(changed.ok()) << changed.ToString();
    ResetFailure();
    Start();
  }
  void FollowItsWish() {
    ASSERT_TRUE(Eventually([&] { return !failure().empty(); }));
    const TaskChanges changes = task_->Changes();
    ASSERT_FALSE(changes.empty());
    ChangeAndRestart(changes);
  }
  void ResetFailure() {
    MutexLock lock(mutex_);
    failure_.clear();
  }

  const Collection a_ = MakeCollection(1, "a", 5);
  const Collection b_ = MakeCollection(2, "b", 5);
};

TEST_F(TaskSetAsideTest, ItsRowsComeWhenItIsTakenUpAndNothingOfTheOthersIsRepeated) {
  target_.FailNextWrite(InvalidArgumentError("refused by the target"), false);
  Start();
  log_.Append(kChannel, InsertRecord(a_, {1, 2}, 11));
  log_.Append(kChannel, TickRecord(15));
  FollowItsWish();
  log_.Append(kChannel, InsertRecord(b_, {1, 2, 3}, 16));
  log_.Append(kChannel, InsertRecord(a_, {3}, 17));
  log_.Append(kChannel, TickRecord(20));
  ASSERT_TRUE(WaitForCheckpoint(20));
  EXPECT_THAT(WritesTo("a"), IsEmpty());
  const TaskStatus status = task_->GetStatus();
  EXPECT_THAT(status.set_aside,
              ElementsAre(AllOf(Field(&SetAsideStatus::collection, CollectionName{"default", "a"}),
                                Field(&SetAsideStatus::reason, HasSubstr("refused by")))));
  EXPECT_EQ(status.condition, Condition::kWaiting);
  EXPECT_THAT(status.reason, AllOf(HasSubstr("default.a"), HasSubstr("refused by the target")));
  EXPECT_FALSE(status.catalog.applied) << "a drain must not succeed without its rows";
  EXPECT_THAT(WritesTo("b"), ElementsAre(std::pair(RowOp::kInsert, 3U)));

  ChangeAndRestart({.take_up = {a_.id}});
  log_.Append(kChannel, InsertRecord(a_, {4}, 2'000));
  log_.Append(kChannel, TickRecord(2'001));
  ASSERT_TRUE(WaitForCheckpoint(2'001));
  uint64_t rows = 0;
  for (const auto& [op, count] : WritesTo("a")) {
    rows += count;
  }
  EXPECT_EQ(rows, 4U);
  EXPECT_EQ(WritesTo("a").front().first, RowOp::kUpsert) << "they may have been there already";
  EXPECT_EQ(WritesTo("a").back().first, RowOp::kInsert);
  EXPECT_THAT(WritesTo("b"), SizeIs(1));
  EXPECT_THAT(task_->GetStatus().set_aside, IsEmpty());
  EXPECT_EQ(Saved(kChannel).replay, std::nullopt);
}

TEST_F(TaskSetAsideTest, AStopWhileTheChannelIsReadAgainLosesAndRepeatsNothing) {
  target_.FailNextWrite(InvalidArgumentError("refused"), false);
  Start();
  log_.Append(kChannel, InsertRecord(a_, {1}, 11));
  log_.Append(kChannel, TickRecord(12));
  FollowItsWish();
  log_.Append(kChannel, InsertRecord(b_, {1}, 13));
  log_.Append(kChannel, TickRecord(20));
  log_.Append(kChannel, InsertRecord(a_, {2}, 21));
  log_.Append(kChannel, TickRecord(30));
  ASSERT_TRUE(WaitForCheckpoint(30));
  target_.Cork();
  ChangeAndRestart({.take_up = {a_.id}});
  ASSERT_TRUE(Eventually([&] { return target_.corked() > 0; }));
  target_.Uncork(1);
  ASSERT_TRUE(Eventually([&] { return WritesTo("a").size() == 1; }));
  Thread cancel("cancel", [this](const std::stop_token&) { target_.CancelWrites(); });
  Stop();
  cancel.Join();
  target_.Uncork();
  Start();
  ASSERT_TRUE(WaitForCheckpoint(30));
  std::set<int64_t> keys;
  for (const FakeTarget::WrittenBatch& written : target_.batches()) {
    EXPECT_TRUE(written.batch.target.collection == "b" || written.batch.op == RowOp::kUpsert);
  }
  EXPECT_GE(WritesTo("a").size(), 1U);
  EXPECT_THAT(WritesTo("b"), SizeIs(1));
}

TEST_F(TaskSetAsideTest, AnotherSchemaOnTheTargetConcernsThatCollectionOnly) {
  Collection other = MakeCollection(9, "a", 1);
  other.schema.fields[0].type = DataType::kVarChar;
  ASSERT_TRUE(target_.Apply(PlanCreate(other, {"default", "a"})).ok());
  Start();
  FollowItsWish();
  log_.Append(kChannel, InsertRecord(a_, {1}, 11));
  log_.Append(kChannel, InsertRecord(b_, {2}, 12));
  log_.Append(kChannel, TickRecord(20));
  ASSERT_TRUE(WaitForCheckpoint(20));
  EXPECT_THAT(WritesTo("a"), IsEmpty());
  EXPECT_THAT(WritesTo("b"), SizeIs(1));
  EXPECT_THAT(task_->GetStatus().set_aside.at(0).reason,
              HasSubstr("type is Int64 on the source, VarChar on the target"));
}

TEST_F(TaskSetAsideTest, ADamagedRecordConcernsItsCollectionOnly) {
  Start();
  log_.Append(kChannel, InsertRecord(b_, {1}, 11));
  const std::string record = InsertRecord(a_, {1, 2, 3}, 12);
  log_.Append(kChannel, record.substr(0, record.size() - 3));
  FollowItsWish();
  log_.Append(kChannel, InsertRecord(b_, {2}, 13));
  log_.Append(kChannel, TickRecord(20));
  ASSERT_TRUE(WaitForCheckpoint(20));
  EXPECT_THAT(task_->GetStatus().set_aside, SizeIs(1));
  EXPECT_EQ(failure(), "") << "it is not read again";
  uint64_t rows = 0;
  for (const auto& [op, count] : WritesTo("b")) {
    rows += count;
  }
  EXPECT_EQ(rows, 2U);
}

TEST_F(TaskSetAsideTest, ItsDropIsCarriedOut) {
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.a"));
  ChangeAndRestart({.set_aside = {{a_.id, "by hand"}}});
  catalog_.Set(MakeCatalog({b_}));
  EXPECT_TRUE(WaitForDdl("drop collection default.a"));
  EXPECT_TRUE(Eventually([&] { return store_.LoadProgress("t")->aside.empty(); }));
}

TEST_F(TaskSetAsideTest, WrongCredentialsConcernAll) {
  target_.FailNextWrite(Status(StatusCode::kUnauthenticated, "auth check failure"), false);
  Start();
  log_.Append(kChannel, InsertRecord(a_, {1}, 11));
  log_.Append(kChannel, TickRecord(15));
  ASSERT_TRUE(Eventually([&] { return !failure().empty(); }));
  EXPECT_TRUE(task_->Changes().empty());
}

TEST_F(TaskSetAsideTest, WithPauseItIsTheTaskThatFails) {
  spec_.on_collection_error = OnCollectionError::kPause;
  target_.FailNextWrite(InvalidArgumentError("refused"), false);
  Start();
  log_.Append(kChannel, InsertRecord(a_, {1}, 11));
  log_.Append(kChannel, TickRecord(15));
  ASSERT_TRUE(Eventually([&] { return !failure().empty(); }));
  EXPECT_TRUE(task_->Changes().empty());
  EXPECT_EQ(task_->GetStatus().condition, Condition::kFailed);
}

TEST_F(TaskSetAsideTest, AnExpiredPositionAsksForCopies) {
  spec_.on_expired = OnExpired::kSnapshot;
  for (uint64_t ts = 10; ts < 15; ++ts) {
    log_.Append(kChannel, TickRecord(ts));
  }
  Start();
  ASSERT_TRUE(WaitForCheckpoint(14));
  Stop();
  for (uint64_t ts = 15; ts < 30; ++ts) {
    log_.Append(kChannel, TickRecord(ts));
  }
  log_.Expire(kChannel, FakeLog::IdOf(12));
  Start();
  ASSERT_TRUE(Eventually([&] { return !failure().empty(); }));
  EXPECT_THAT(task_->Changes().expired, ElementsAre(kChannel));
  Stop();
  const Status refused = replicator_->Change(spec_, {.expired = {kChannel}});
  EXPECT_THAT(refused.message(), HasSubstr("sourceConfig.storage"));
  EXPECT_EQ(Saved(kChannel).ts, Timestamp{14}) << "nothing is lost";
}

}  // namespace
}  // namespace cdc
