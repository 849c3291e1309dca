#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/testing/task_pipeline_fixture.h"

// What a task expects of its target: that it is alive, is still the same Milvus, and is written by
// no other task.
namespace cdc {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class TaskTargetTest : public TaskPipelineTest {
 protected:
  TaskTargetTest() {
    options_.pulse = {.interval = std::chrono::milliseconds(5),
                      .timeout = std::chrono::milliseconds(1'000)};
    options_.retry = {std::chrono::milliseconds(5), std::chrono::milliseconds(20)};
    NewProcess();
    catalog_.Set(MakeCatalog({c_}));
    catalog_.SetPresent({50});
  }

  std::unique_ptr<Replication> StartOther(const std::string& id, const std::string& uri) {
    TaskSpec spec = spec_;
    spec.id = id;
    spec.target.uri = uri;
    auto started = replicator_->Start(spec, [](const std::string&) {});
    EXPECT_TRUE(started.ok());
    return *std::move(started);
  }
  uint64_t Written() const {
    return target_.rows_of(RowOp::kInsert) + target_.rows_of(RowOp::kUpsert);
  }
  static bool Retries(const Replication& task, const std::string& word) {
    const TaskStatus status = task.GetStatus();
    return status.condition == Condition::kRetrying &&
           status.reason.find(word) != std::string::npos;
  }

  const Collection c_ = MakeCollection(1, "c", 5);
};

TEST_F(TaskTargetTest, AnIdleTaskSaysThatItsTargetIsDead) {
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.c"));
  ASSERT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kOk; }));
  target_.SetPulse(UnavailableError("10.0.0.7:19530: connection refused"));
  ASSERT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kRetrying; }));
  EXPECT_THAT(task_->GetStatus().reason, AllOf(StartsWith("target: "), HasSubstr("10.0.0.7")));
  target_.SetPulse(std::string("fake"));
  EXPECT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kOk; }));
  EXPECT_EQ(failure(), "");
}

// A restarted Milvus Lite has lost what it had loaded.
TEST_F(TaskTargetTest, WhatATargetHasForgottenWhileItWasAwayIsBroughtBack) {
  Collection c = c_;
  c.indexes = {{.id = {21}, .field = {100}, .name = "id", .params = {{"index_type", "INVERTED"}}}};
  c.load.loaded = true;
  c.load.whole_collection = true;
  c.load.partitions = {kDefaultPartition};
  catalog_.Set(MakeCatalog({c}));
  Start();
  ASSERT_TRUE(WaitForDdl("load collection default.c"));
  target_.SetPulse(UnavailableError("connection refused"));
  ASSERT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kRetrying; }));
  ASSERT_TRUE(target_.Apply(ReleaseCollection{{"default", "c"}}).ok());
  target_.SetPulse(std::string("fake"));
  EXPECT_TRUE(Eventually([&] { return Ddls().back() == "load collection default.c"; }));
}

TEST_F(TaskTargetTest, ATargetThatHasBecomeAnotherOneEndsTheTask) {
  spec_.target_identity = "fake";
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.c"));
  target_.SetPulse(std::string());  // it reports no identity
  const size_t pulses = target_.pulses();
  ASSERT_TRUE(Eventually([&] { return target_.pulses() > pulses + 3; }));
  EXPECT_EQ(failure(), "");
  target_.SetPulse(std::string("another"));
  ASSERT_TRUE(Eventually([&] { return !failure().empty(); }));
  EXPECT_THAT(failure(), AllOf(HasSubstr("another Milvus"), HasSubstr("start_from earliest")));
}

TEST_F(TaskTargetTest, NothingIsMadeOnAnotherTarget) {
  spec_.target_identity = "the one before";
  Start();
  ASSERT_TRUE(Eventually([&] { return !failure().empty(); }));
  EXPECT_THAT(failure(), HasSubstr("another Milvus"));
  Stop();
  EXPECT_THAT(Ddls(), testing::IsEmpty());
}

TEST_F(TaskTargetTest, ATaskOfAnEarlierVersionTakesAnyTarget) {
  Start();
  target_.SetPulse(std::string("another"));
  log_.Append(kChannel, InsertRecord(c_, {1, 2}, 11));
  log_.Append(kChannel, TickRecord(20));
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(failure(), "");
}

TEST_F(TaskTargetTest, TwoTasksNeverWriteOneCollectionWhateverTheyCallItsServer) {
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.c"));
  const auto other = StartOther("t2", "http://localhost:2");
  ASSERT_TRUE(Eventually([&] { return Retries(*other, "task t writes this"); }))
      << other->GetStatus().reason;
  log_.Append(kChannel, InsertRecord(c_, {1, 2, 3}, 11));
  log_.Append(kChannel, TickRecord(20));
  ASSERT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(Written(), 3U);
  EXPECT_TRUE(Retries(*other, "default.c"));
  // It continues when the other task is gone.
  Stop();
  EXPECT_TRUE(Eventually([&] { return Written() == 6; }));
  EXPECT_EQ(target_.rows_of(RowOp::kInsert), 3U) << "what the first one wrote is not doubled";
  EXPECT_TRUE(Eventually([&] { return other->GetStatus().condition == Condition::kOk; }));
  // And back again: what the other task may have written meanwhile is upserted, newer rows are not.
  log_.Append(kChannel, InsertRecord(c_, {4}, 41));
  log_.Append(kChannel, TickRecord(45));
  ASSERT_TRUE(Eventually([&] { return Written() == 7; }));
  other->Stop();
  Start();
  log_.Append(kChannel, InsertRecord(c_, {5}, 51));
  log_.Append(kChannel, TickRecord(60));
  ASSERT_TRUE(WaitForCheckpoint(60));
  EXPECT_EQ(target_.rows_of(RowOp::kInsert), 4U);
  EXPECT_EQ(target_.rows_of(RowOp::kUpsert), 5U);
}

TEST_F(TaskTargetTest, ACollectionThatIsMadeAgainIsClaimedAgain) {
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.c"));
  const auto other = StartOther("t2", "http://localhost:2");
  ASSERT_TRUE(Eventually([&] { return Retries(*other, "task t writes this"); }));
  const Collection again = MakeCollection(2, "c", 30);
  catalog_.Set(MakeCatalog({again}));
  log_.Append(kChannel, TickRecord(25));
  log_.Append(kChannel, InsertRecord(again, {1}, 31));
  log_.Append(kChannel, TickRecord(40));
  EXPECT_TRUE(WaitForDdl("drop collection default.c"));
  EXPECT_TRUE(Eventually([&] { return Written() == 1; }));
  const auto waits = [&] {
    return Retries(*other, "writes this") || Retries(*task_, "writes this");
  };
  EXPECT_TRUE(Eventually(waits)) << "one of the two has it";
}

TEST_F(TaskTargetTest, ATargetIsKnownByWhatTheTaskHasMadeThere) {
  EXPECT_TRUE(replicator_->CheckHasOwn(spec_).ok());  // nothing yet
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.c"));
  ASSERT_TRUE(Eventually([&] {
    const auto progress = store_.LoadProgress("t");
    return !progress->collections.empty() && progress->collections[0].on_target;
  }));
  Stop();
  EXPECT_TRUE(replicator_->CheckHasOwn(spec_).ok());
  ASSERT_TRUE(target_.Apply(DropCollection{{"default", "c"}}).ok());
  const Status other = replicator_->CheckHasOwn(spec_);
  EXPECT_EQ(other.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(other.message(), HasSubstr("none of the task's collections, e.g. default.c"));
}

}  // namespace
}  // namespace cdc
