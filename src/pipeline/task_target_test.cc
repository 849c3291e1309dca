#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/testing/task_pipeline_fixture.h"

// A task and what its target is: its own.
namespace cdc {
namespace {

class TaskTargetTest : public TaskPipelineTest {
 protected:
  TaskTargetTest() {
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
  uint64_t Written() const { return target_.rows(RowOp::kInsert) + target_.rows(RowOp::kUpsert); }
  static bool Says(const Replication& task, const std::string& state, const std::string& word) {
    const TaskStatus status = task.GetStatus();
    return status.condition == state && status.reason.find(word) != std::string::npos;
  }

  const Collection c_ = MakeCollection(1, "c", 5);
};

TEST_F(TaskTargetTest, TwoTasksNeverWriteOneCollectionWhateverTheyCallItsServer) {
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.c"));
  const auto other = StartOther("t2", "http://localhost:2");
  ASSERT_TRUE(Eventually([&] { return Says(*other, "retrying", "task t writes this"); }))
      << other->GetStatus().reason;
  log_.Append(kChannel, InsertRecord(c_, {1, 2, 3}, 11));
  log_.Append(kChannel, TickRecord(20));
  ASSERT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(Written(), 3U);
  EXPECT_TRUE(Says(*other, "retrying", "default.c"));
  // It goes on when the other one is gone.
  Stop();
  EXPECT_TRUE(Eventually([&] { return Written() == 6; }));
  EXPECT_EQ(target_.rows(RowOp::kInsert), 3U) << "what the first one wrote is not doubled";
  EXPECT_TRUE(Eventually([&] { return other->GetStatus().condition == "ok"; }));
  // And back: what the other one has written meanwhile is upserted, what is new is not.
  log_.Append(kChannel, InsertRecord(c_, {4}, 41));
  log_.Append(kChannel, TickRecord(45));
  ASSERT_TRUE(Eventually([&] { return Written() == 7; }));
  other->Stop();
  Start();
  log_.Append(kChannel, InsertRecord(c_, {5}, 51));
  log_.Append(kChannel, TickRecord(60));
  ASSERT_TRUE(WaitForCheckpoint(60));
  EXPECT_EQ(target_.rows(RowOp::kInsert), 4U);
  EXPECT_EQ(target_.rows(RowOp::kUpsert), 5U);
}

TEST_F(TaskTargetTest, ACollectionThatIsMadeAgainIsClaimedAgain) {
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.c"));
  const auto other = StartOther("t2", "http://localhost:2");
  ASSERT_TRUE(Eventually([&] { return Says(*other, "retrying", "task t writes this"); }));
  const Collection again = MakeCollection(2, "c", 30);
  catalog_.Set(MakeCatalog({again}));
  log_.Append(kChannel, TickRecord(25));
  log_.Append(kChannel, InsertRecord(again, {1}, 31));
  log_.Append(kChannel, TickRecord(40));
  EXPECT_TRUE(WaitForDdl("drop collection default.c"));
  EXPECT_TRUE(Eventually([&] { return Written() == 1; }));
  const auto waits = [&] {
    return Says(*other, "retrying", "writes this") || Says(*task_, "retrying", "writes this");
  };
  EXPECT_TRUE(Eventually(waits)) << "one of the two has it";
}

}  // namespace
}  // namespace cdc
