#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/testing/task_pipeline_fixture.h"

// A dry run reads and plans like any task, and leaves nothing behind: on the target or in the
// store.
namespace cdc {
namespace {

using testing::IsEmpty;

class TaskDryRunTest : public TaskPipelineTest {
 protected:
  TaskDryRunTest() {
    catalog_.Set(MakeCatalog({c_}));
    log_.Append(kChannel, InsertRecord(c_, {1, 2, 3}, 11));
    log_.Append(kChannel, DeleteRecord(c_, {1}, 12));
    log_.Append(kChannel, TickRecord(20));
  }

  bool WaitForCounts() {
    return Eventually([this] {
      const CountsByOp rows = task_->GetStatus().counts.RowsWritten();
      const auto channels = task_->GetStatus().channels;
      return rows.inserts + rows.upserts == 3 && rows.deletes == 1 && !channels.empty() &&
             channels[0].checkpoint == Timestamp{20};
    });
  }
  void ExpectNothingLeft() {
    EXPECT_THAT(target_.ddl(), IsEmpty());
    EXPECT_THAT(target_.batches(), IsEmpty());
    const auto progress = store_.LoadProgress("t");
    ASSERT_TRUE(progress.ok());
    EXPECT_LT(Saved(kChannel).ts, Timestamp{20});
    EXPECT_THAT(progress->source, IsEmpty());
    for (const ReplicatedCollection& collection : progress->collections) {
      EXPECT_FALSE(collection.on_target);
    }
  }

  const Collection c_ = MakeCollection(1, "c", 5);
};

TEST_F(TaskDryRunTest, CountsAndLeavesNothingThenTheTaskReplicatesAll) {
  spec_.dry_run = true;
  ASSERT_TRUE(replicator_->Prepare(spec_, {}).ok());
  Start();
  ASSERT_TRUE(WaitForCounts());
  const TaskStatus status = task_->GetStatus();
  EXPECT_TRUE(status.dry_run);
  EXPECT_EQ(status.counts.calls.at("CreateCollection"), 1U);
  Stop();
  ExpectNothingLeft();
  // From where it began, as often as one likes.
  Start();
  ASSERT_TRUE(WaitForCounts());
  Stop();
  ExpectNothingLeft();
  spec_.dry_run = false;
  Start();
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows_of(RowOp::kInsert) + target_.rows_of(RowOp::kUpsert), 3U);
  EXPECT_EQ(target_.rows_of(RowOp::kDelete), 1U);
  EXPECT_FALSE(task_->GetStatus().dry_run);
}

TEST_F(TaskDryRunTest, TheServerMakesEveryTaskOne) {
  options_.dry_run = true;
  NewProcess();
  ASSERT_TRUE(replicator_->Prepare(spec_, {}).ok());
  Start();
  ASSERT_TRUE(WaitForCounts());
  EXPECT_TRUE(task_->GetStatus().dry_run);
  Stop();
  ExpectNothingLeft();
}

TEST_F(TaskDryRunTest, KeepsNoOtherTaskFromACollection) {
  spec_.dry_run = true;
  Start();
  ASSERT_TRUE(WaitForCounts());
  TaskSpec real = spec_;
  real.id = "real";
  real.dry_run = false;
  const auto other = replicator_->Start(real, [](const std::string&) {});
  ASSERT_TRUE(other.ok());
  EXPECT_TRUE(Eventually(
      [this] { return target_.rows_of(RowOp::kInsert) + target_.rows_of(RowOp::kUpsert) == 3; }));
  (*other)->Stop();
}

}  // namespace
}  // namespace cdc
