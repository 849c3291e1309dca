#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/testing/task_pipeline_fixture.h"
#include "rows/undecodable.h"

namespace cdc {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class UndecodableRecordTest : public TaskPipelineTest {
 protected:
  // Appends two good inserts, with keys 1 and 2, and `bad` between them.
  void AppendAround(const std::string& bad) {
    log_.Append(kChannel, InsertRecord(collection_, {1}, 11));
    log_.Append(kChannel, TickRecord(12));
    log_.Append(kChannel, bad);
    log_.Append(kChannel, InsertRecord(collection_, {2}, 14));
    log_.Append(kChannel, TickRecord(20));
  }

  void Start() {
    catalog_.Set(MakeCatalog({collection_}));
    TaskPipelineTest::Start();
  }

  // An insert whose only column is not the key.
  static std::string InsertWithoutKey(const Collection& collection) {
    pb::msg::InsertRequest request;
    EXPECT_TRUE(request.ParseFromString(InsertRecord(collection, {7}, 13)));
    request.mutable_fields_data(0)->set_field_id(101);
    return request.SerializeAsString();
  }

  const Collection collection_ = MakeCollection(1, "c", 5);
};

TEST_F(UndecodableRecordTest, StopsTheTaskWithItsPlaceAndTheCure) {
  Start();
  AppendAround("\xff\xff not a message");
  ASSERT_TRUE(Eventually([&] { return !failure().empty(); }));
  EXPECT_THAT(failure(), AllOf(HasSubstr(std::string("channel ") + kChannel + ": position "),
                               HasSubstr("resume the task with on_undecodable=skip")));
  EXPECT_EQ(task_->GetStatus().records_skipped, 0U);
  EXPECT_TRUE(WaitForRows(RowOp::kInsert, 1));  // the one before it
  Stop();

  // As a resume does: only the bad record is lost, and nothing is written twice.
  spec_.on_undecodable = OnUndecodable::kSkip;
  Start();
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_EQ(target_.rows_of(RowOp::kInsert) + target_.rows_of(RowOp::kUpsert), 2U);
  EXPECT_EQ(task_->GetStatus().records_skipped, 1U);
}

TEST_F(UndecodableRecordTest, IsSkippedAndCounted) {
  spec_.on_undecodable = OnUndecodable::kSkip;
  Start();
  AppendAround("\xff\xff not a message");
  EXPECT_TRUE(WaitForRows(RowOp::kInsert, 2));
  EXPECT_TRUE(WaitForCheckpoint(20));
  const TaskStatus status = task_->GetStatus();
  EXPECT_EQ(status.records_skipped, 1U);
  EXPECT_THAT(status.last_skipped, HasSubstr(std::string("channel ") + kChannel + ": position "));
  EXPECT_EQ(status.condition, Condition::kOk);
}

TEST_F(UndecodableRecordTest, RowsWithoutTheirKeyAreOne) {
  spec_.on_undecodable = OnUndecodable::kSkip;
  Start();
  AppendAround(InsertWithoutKey(collection_));
  EXPECT_TRUE(WaitForRows(RowOp::kInsert, 2));
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_THAT(task_->GetStatus().last_skipped,
              HasSubstr("collection default.c: an insert without the primary key"));
}

TEST_F(UndecodableRecordTest, ATickFarInTheFutureIsOne) {
  spec_.on_undecodable = OnUndecodable::kSkip;
  Start();
  AppendAround(TickRecord(~uint64_t{0} >> 1));
  EXPECT_TRUE(WaitForRows(RowOp::kInsert, 2));
  EXPECT_TRUE(WaitForCheckpoint(20));
  EXPECT_THAT(task_->GetStatus().last_skipped, HasSubstr("ahead of this machine's clock"));
}

TEST_F(UndecodableRecordTest, OfTheReplicateChannelDoesNotHoldFlushesUp) {
  spec_.on_undecodable = OnUndecodable::kSkip;
  Start();
  log_.Append(kReplicate, "\xff\xff not a message");
  EXPECT_TRUE(Eventually([&] { return task_->GetStatus().records_skipped == 1; }));
  EXPECT_THAT(task_->GetStatus().last_skipped, HasSubstr(kReplicate));
}

TEST(UndecodableRecordsTest, OnlyDataLossIsOne) {
  UndecodableRecords records(OnUndecodable::kSkip);
  EXPECT_EQ(records.Handle(UnavailableError("away")), UnavailableError("away"));
  EXPECT_EQ(records.skipped().records, 0U);
}

}  // namespace
}  // namespace cdc
