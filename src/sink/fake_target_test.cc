#include "sink/testing/fake_target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sink/testing/target_contract.h"

namespace cdc {
namespace {

using ::testing::ElementsAre;

class FakeTargetTest : public ::testing::Test {
 protected:
  FakeTargetTest() {
    EXPECT_TRUE(target_.Apply(CreateCollection{.name = name_, .schema = {}}).ok());
  }

  void Write(size_t rows) {
    RowBatch batch;
    batch.target = name_;
    batch.rows = rows;
    target_.Write(batch, [this](const WriteResult& result) { results_.push_back(result); });
  }
  std::vector<StatusCode> codes() const {
    std::vector<StatusCode> codes;
    for (const WriteResult& result : results_) {
      codes.push_back(result.status.code());
    }
    return codes;
  }

  CollectionName name_{kDefaultDatabase, "c"};
  FakeTarget target_;
  std::vector<WriteResult> results_;
};

TEST(FakeTargetContractTest, Holds) {
  FakeTarget target;
  TargetContract{&target, "contract"}.Run();
}

TEST_F(FakeTargetTest, RecordsWrites) {
  Write(3);
  Write(4);
  EXPECT_THAT(codes(), ElementsAre(StatusCode::kOk, StatusCode::kOk));
  EXPECT_EQ(target_.rows_of(RowOp::kInsert), 7U);
  EXPECT_EQ(target_.rows_of(RowOp::kDelete), 0U);
}

TEST_F(FakeTargetTest, CorkHoldsWritesInOrder) {
  target_.Cork();
  Write(1);
  Write(2);
  Write(3);
  EXPECT_TRUE(results_.empty());
  EXPECT_EQ(target_.corked(), 3U);
  target_.Uncork(1);
  EXPECT_EQ(results_.size(), 1U);
  EXPECT_EQ(target_.batches().at(0).batch.rows, 1U);
  target_.Uncork();
  EXPECT_EQ(target_.rows_of(RowOp::kInsert), 6U);
  EXPECT_EQ(target_.max_in_progress(), 3U);
}

TEST_F(FakeTargetTest, FailsAsToldAndRecordsWhatIsInDoubt) {
  target_.FailNextWrite(UnavailableError("refused"), /*in_doubt=*/false);
  target_.FailNextWrite(DeadlineExceededError("late"), /*in_doubt=*/true);
  Write(1);
  Write(2);
  Write(3);
  EXPECT_THAT(codes(), ElementsAre(StatusCode::kUnavailable, StatusCode::kDeadlineExceeded,
                                   StatusCode::kOk));
  EXPECT_EQ(target_.batches().size(), 2U);
  EXPECT_EQ(target_.rows_of(RowOp::kInsert), 3U);
}

TEST_F(FakeTargetTest, KnowsItsCollections) {
  name_.collection = "other";
  Write(1);
  target_.CheckNames(false);
  Write(1);
  EXPECT_THAT(codes(), ElementsAre(StatusCode::kNotFound, StatusCode::kOk));
}

TEST_F(FakeTargetTest, CancelEndsWhatIsCorked) {
  target_.Cork();
  Write(1);
  target_.CancelWrites();
  ASSERT_EQ(results_.size(), 1U);
  EXPECT_EQ(results_[0].status.code(), StatusCode::kCancelled);
  EXPECT_TRUE(results_[0].in_doubt);
  EXPECT_TRUE(target_.batches().empty());
}

TEST_F(FakeTargetTest, DdlFailsAsTold) {
  target_.FailNextDdl(UnavailableError("not now"));
  EXPECT_EQ(target_.Apply(DropCollection{name_}).code(), StatusCode::kUnavailable);
  EXPECT_TRUE(target_.Apply(DropCollection{name_}).ok());
  EXPECT_EQ(target_.ddl().size(), 2U);  // the creation, too
}

}  // namespace
}  // namespace cdc
