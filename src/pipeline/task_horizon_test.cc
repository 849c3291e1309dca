
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/testing/task_pipeline_fixture.h"

// How far a task may send, and which horizon it leaves behind.
namespace cdc {
namespace {

using testing::AllOf;
using testing::HasSubstr;

// Beyond the horizon that the first row makes durable.
constexpr uint64_t kFar = Timestamp::FromUnixMs(1'000'000).value;

class TaskHorizonTest : public TaskPipelineTest {
 protected:
  TaskHorizonTest() { catalog_.Set(MakeCatalog({collection_})); }

  void AppendRow(int64_t key, uint64_t ts) {
    log_.Append(kChannel, InsertRecord(collection_, {key}, ts));
    log_.Append(kChannel, TickRecord(ts + 1));
  }

  void SaveDoubt(uint64_t ts, uint64_t horizon) {
    log_.Append(kChannel, TickRecord(ts));
    ASSERT_TRUE(store_
                    .SaveCheckpoints("t", {{.channel = kChannel,
                                            .position = FakeLog::IdOf(1),
                                            .ts = {ts},
                                            .applied = {},
                                            .horizon = {horizon}}})
                    .ok());
  }

  const Collection collection_ = MakeCollection(1, "c", 5);
};

TEST_F(TaskHorizonTest, RowsWaitWhileTheStoreCannotBeWritten) {
  Start();
  AppendRow(1, 10);
  ASSERT_TRUE(WaitForRows(RowOp::kInsert, 1));
  ASSERT_TRUE(WaitForCheckpoint(11));
  store_.FailWith(UnavailableError("disk full"));
  AppendRow(2, 20);  // below the durable horizon
  AppendRow(3, kFar);
  EXPECT_TRUE(WaitForRows(RowOp::kInsert, 2));
  ASSERT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kRetrying; }));
  EXPECT_THAT(task_->GetStatus().reason, AllOf(HasSubstr("checkpoint: "), HasSubstr("disk full")));
  const int64_t attempts = task_->GetStatus().attempts;
  ASSERT_TRUE(Eventually([&] { return task_->GetStatus().attempts >= attempts + 3; }));
  EXPECT_EQ(target_.rows_of(RowOp::kInsert), 2U);
  store_.FailWith(OkStatus());
  EXPECT_TRUE(WaitForRows(RowOp::kInsert, 3));
  EXPECT_TRUE(WaitForCheckpoint(kFar));
  EXPECT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kOk; }));
  EXPECT_EQ(target_.rows_of(RowOp::kUpsert), 0U);
}

TEST_F(TaskHorizonTest, WhileItRunsTheStoreHoldsAHorizonAboveWhatIsSent) {
  target_.Cork();
  Start();
  AppendRow(1, kFar);
  ASSERT_TRUE(Eventually([&] { return target_.corked() == 1; }));
  const ChannelCheckpoint saved = Saved(kChannel);
  EXPECT_EQ(saved.ts, Timestamp{}) << "nothing is acknowledged yet";
  EXPECT_TRUE(saved.position.empty());
  EXPECT_GE(saved.horizon, Timestamp{kFar});
  EXPECT_LE(saved.horizon.UnixMs(), Timestamp{kFar}.UnixMs() + 10'000);
  target_.Uncork();
  ASSERT_TRUE(WaitForCheckpoint(kFar));
  Stop();
  EXPECT_EQ(Saved(kChannel).horizon, Timestamp{}) << "a clean stop";
}

TEST_F(TaskHorizonTest, ACrashBeforeTheFirstCheckpointLeavesADoubt) {
  ASSERT_TRUE(store_
                  .SaveCheckpoints("t", {{.channel = kChannel,
                                          .position = {},
                                          .ts = {},
                                          .applied = {FakeLog::IdOf(1)},
                                          .horizon = {15}}})
                  .ok());
  log_.Append(kChannel, InsertRecord(collection_, {1}, 10));
  log_.Append(kChannel, InsertRecord(collection_, {2}, 11));
  log_.Append(kChannel, InsertRecord(collection_, {3}, 16));
  log_.Append(kChannel, TickRecord(20));
  Start();
  ASSERT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows_of(RowOp::kUpsert), 1U);
  EXPECT_EQ(target_.rows_of(RowOp::kInsert), 1U);
}

TEST_F(TaskHorizonTest, AStopBeforeTheFirstCheckpointRemembersWhatIsApplied) {
  Collection two = MakeCollection(2, "two", 6);
  catalog_.Set(MakeCatalog({collection_, two}));
  target_.Cork();
  Start();
  log_.Append(kChannel, InsertRecord(collection_, {1}, 10));
  log_.Append(kChannel, InsertRecord(two, {2}, 10));
  log_.Append(kChannel, TickRecord(20));
  ASSERT_TRUE(Eventually([&] { return target_.corked() == 2; }));
  target_.Uncork(1);
  ASSERT_TRUE(Eventually([&] { return target_.rows_of(RowOp::kInsert) == 1; }));
  Thread cancel("cancel", [this](const std::stop_token&) { target_.CancelWrites(); });
  Stop();
  cancel.Join();
  EXPECT_EQ(Saved(kChannel).ts, Timestamp{});
  EXPECT_EQ(Saved(kChannel).applied.size(), 1U);
  target_.Uncork();
  Start();
  ASSERT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows_of(RowOp::kInsert) + target_.rows_of(RowOp::kUpsert), 2U);
}

TEST_F(TaskHorizonTest, TheFirstCallOfADoubtWaitsForThoseOfTheDead) {
  options_.doubt_grace = std::chrono::milliseconds(200);
  NewProcess();
  ReplicatedCollection record;
  record.id = collection_.id;
  record.source = record.target = {"default", "c"};
  record.pchannels = {kChannel};
  record.created = collection_.created;
  ASSERT_TRUE(store_.PutCollection("t", record).ok());
  SaveDoubt(10, 1'000);
  AppendRow(1, 20);
  const auto begun = std::chrono::steady_clock::now();
  Start();
  ASSERT_TRUE(WaitForRows(RowOp::kUpsert, 1));
  EXPECT_GE(std::chrono::steady_clock::now() - begun, options_.doubt_grace);
}

// Its collections were dropped while the task was not running, so nothing replaces the checkpoint.
TEST_F(TaskHorizonTest, ADoubtOfAChannelWithoutCollectionsDelaysNothing) {
  options_.doubt_grace = std::chrono::minutes(5);
  NewProcess();
  ASSERT_TRUE(store_
                  .SaveCheckpoints("t", {{.channel = "no_longer",
                                          .position = {},
                                          .ts = {10},
                                          .applied = {},
                                          .horizon = {1'000}}})
                  .ok());
  Start();
  AppendRow(1, 20);
  EXPECT_TRUE(WaitForRows(RowOp::kInsert, 1));
}

TEST_F(TaskHorizonTest, ADoubtIsNotMadeSmallerByStopsThatComeBeforeItIsPassed) {
  SaveDoubt(10, 1'000);
  target_.FailConnect(UnavailableError("down"));
  for (int i = 0; i < 2; ++i) {
    Start();
    AppendRow(i, 20 + static_cast<uint64_t>(i) * 10);
    ASSERT_TRUE(Eventually([&] { return task_->GetStatus().rows_waiting > 0; }));
    Stop();
    EXPECT_EQ(Saved(kChannel).horizon, Timestamp{1'000});
  }
  target_.FailConnect(OkStatus());
  Start();
  AppendRow(9, 2'000);
  EXPECT_TRUE(WaitForCheckpoint(2'000));
  EXPECT_EQ(target_.rows_of(RowOp::kUpsert), 2U);
  EXPECT_EQ(target_.rows_of(RowOp::kInsert), 1U);
  Stop();
  EXPECT_EQ(Saved(kChannel).horizon, Timestamp{});
}

TEST_F(TaskHorizonTest, DoubtsCanBeForgottenForTheTestsOfTheTests) {
  options_.forget_doubts = true;
  NewProcess();
  SaveDoubt(10, 1'000);
  AppendRow(1, 20);
  Start();
  EXPECT_TRUE(WaitForRows(RowOp::kInsert, 1));
  EXPECT_EQ(target_.rows_of(RowOp::kUpsert), 0U);
}

}  // namespace
}  // namespace cdc
