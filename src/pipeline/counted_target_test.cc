#include "pipeline/counted_target.h"

#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "sink/testing/fake_target_factory.h"

namespace cdc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

class CountedTargetTest : public ::testing::Test {
 protected:
  CountedTargetTest() { fake_.CheckNames(false); }

  std::unique_ptr<CountedTarget> New(SinkMode mode) {
    return NewCountedTarget(*factory_.New({}), mode);
  }
  static void Write(Target& target, RowOp op) {
    RowBatch batch;
    batch.op = op;
    target.rows().Write(batch, [](const WriteResult&) {});
  }

  FakeTarget fake_;
  FakeTargetFactory factory_{&fake_};
};

TEST_F(CountedTargetTest, OnlyCallsThatSucceed) {
  const auto target = New(SinkMode::kApi);
  EXPECT_THAT(target->Calls(), IsEmpty());
  fake_.FailNextWrite(UnavailableError("down"), true);
  fake_.FailNextDdl(UnavailableError("down"));
  for (const bool succeeds : {false, true}) {
    Write(*target, RowOp::kInsert);
    EXPECT_EQ(target->metadata().Apply(CreateDatabase{"d"}, {}).ok(), succeeds);
  }
  Write(*target, RowOp::kUpsert);
  Write(*target, RowOp::kDelete);
  EXPECT_THAT(target->Calls(), ElementsAre(Pair("CreateDatabase", 1), Pair("Delete", 1),
                                           Pair("Insert", 1), Pair("Upsert", 1)));
}

TEST_F(CountedTargetTest, RowsForAStandbyAreMessages) {
  const auto target = New(SinkMode::kReplicate);
  Write(*target, RowOp::kInsert);
  Write(*target, RowOp::kDelete);
  EXPECT_THAT(target->Calls(), ElementsAre(Pair("ReplicateMessage", 2)));
}

}  // namespace
}  // namespace cdc
