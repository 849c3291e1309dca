#include "rows/row_writer.h"

#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"
#include "model/testing/messages.h"
#include "sink/testing/fake_target.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr char kChannel[] = "dml_0";
constexpr char kShard[] = "dml_0_1v0";
constexpr CollectionId kThings{1};
constexpr PartitionId kFirst{10};
constexpr PartitionId kSecond{11};

// The test takes the place of the writer's thread, Turn by Turn.
class RowWriterTest : public ::testing::Test {
 protected:
  RowWriterTest() {
    sink_.CheckNames(false);
    horizon_.Load(kChannel, {kFarTs});
    Make({});
  }

  void Make(RowWriter::Options options) {
    options.clock = &clock_;
    options.seed = 7;
    // Both query the writer from inside the callback, as a task does.
    writer_ = std::make_unique<RowWriter>(
        &sink_, &horizon_, std::move(options), &conditions_,
        [this](CollectionId collection, const Status& status) {
          EXPECT_EQ(collection, kThings);
          fatal_.push_back(status.message());
          writer_->counts();
        },
        [this] {
          ++progress_;
          writer_->counts();
        });
  }

  static RowGate Gate(std::set<PartitionId> partitions = {kFirst}) {
    RowGate gate;
    gate.target = {"db", "things"};
    gate.primary_key = "id";
    gate.partitions = std::move(partitions);
    gate.names = {{kFirst, "first"}, {kSecond, "second"}};
    return gate;
  }

  // Pushes one message per tick, so that each can be acknowledged by itself.
  void Push(RowOp op,
            uint64_t ts,
            const std::vector<int64_t>& keys,
            PartitionId partition = kFirst) {
    const int at = static_cast<int>(++pushed_);
    const MessagePtr message =
        op == RowOp::kDelete ? MakeDelete(at, ts, keys) : MakeInsert(at, ts, keys);
    std::const_pointer_cast<Message>(message)->partition = partition;
    PendingRows rows;
    rows.op = op;
    rows.message = message;
    rows.keys.assign(keys.begin(), keys.end());
    rows.bytes = 100;
    const uint64_t group = tracker_->AddGroup({ts}, {std::to_string(at)}, {{.id = message->id}});
    rows.tickets = {{.group = group, .index = 0}};
    std::vector<PendingRows> one;
    one.push_back(std::move(rows));
    writer_->Push(kThings, kShard, tracker_, std::move(one));
  }
  void Turn() { writer_->Turn({}); }
  // Turns until nothing more can happen without the clock moving.
  void Turns() {
    for (int i = 0; i < 10; ++i) {
      Turn();
    }
  }

  std::vector<std::string> Written() {
    std::vector<std::string> texts;
    for (const auto& [batch, status] : sink_.batches()) {
      const char* op = batch.op == RowOp::kInsert   ? "insert"
                       : batch.op == RowOp::kUpsert ? "upsert"
                                                    : "delete";
      texts.push_back(std::string(op) + " " + std::to_string(batch.rows) + " " +
                      batch.target.collection + "." + batch.partition);
    }
    return texts;
  }
  uint64_t acknowledged() { return tracker_->checkpoint().value; }

  static constexpr uint64_t kFarTs = 1'000;
  FakeClock clock_;
  FakeTarget sink_;
  ConditionBoard conditions_;
  int wanted_ = 0;
  SendHorizon horizon_{{.clock = &clock_}, [this] { ++wanted_; }};
  std::vector<std::string> fatal_;
  int progress_ = 0;
  uint64_t pushed_ = 0;
  std::shared_ptr<AckTracker> tracker_ =
      std::make_shared<AckTracker>(kChannel, MsgId{}, Timestamp{});
  std::unique_ptr<RowWriter> writer_;
};

TEST_F(RowWriterTest, RowsWaitUntilTheirCollectionIsOpen) {
  Push(RowOp::kInsert, 10, {1, 2});
  Turns();
  EXPECT_THAT(Written(), IsEmpty());
  EXPECT_THAT(writer_->WaitingPartitions(), ElementsAre(Pair(kThings, ElementsAre(kFirst))));
  writer_->Open(kThings, Gate());
  Turns();
  EXPECT_THAT(Written(), ElementsAre("insert 2 things.first"));
  EXPECT_EQ(acknowledged(), 10U);
  EXPECT_GT(progress_, 0);
  EXPECT_THAT(writer_->WaitingPartitions(), IsEmpty());
  EXPECT_TRUE(writer_->Idle(kThings));
}

TEST_F(RowWriterTest, APartitionThatIsNotInTheGateHoldsOnlyItself) {
  writer_->Open(kThings, Gate());
  Push(RowOp::kInsert, 10, {1}, kSecond);
  Push(RowOp::kInsert, 11, {2}, kFirst);
  Turns();
  EXPECT_THAT(Written(), ElementsAre("insert 1 things.first"));
  EXPECT_FALSE(writer_->PartitionIdle(kThings, kSecond));
  EXPECT_TRUE(writer_->PartitionIdle(kThings, kFirst));
  writer_->Open(kThings, Gate({kFirst, kSecond}));
  Turns();
  EXPECT_THAT(Written(), ElementsAre("insert 1 things.first", "insert 1 things.second"));
}

TEST_F(RowWriterTest, ChangesOfOneKeyAreNeverInFlightTogether) {
  writer_->Open(kThings, Gate());
  sink_.Cork();
  Push(RowOp::kInsert, 10, {1});
  Turns();
  Push(RowOp::kDelete, 11, {1});
  Push(RowOp::kInsert, 12, {2});
  Turns();
  EXPECT_EQ(sink_.corked(), 2U) << "the delete waits for the insert";
  sink_.Uncork();
  Turns();
  EXPECT_THAT(Written(), ElementsAre("insert 1 things.first", "insert 1 things.first",
                                     "delete 1 things.first"));
}

TEST_F(RowWriterTest, AFailedCallIsRepeatedAndOneInDoubtBecomesAnUpsert) {
  writer_->Open(kThings, Gate());
  sink_.FailNextWrite(UnavailableError("no leader"), /*in_doubt=*/false);
  sink_.FailNextWrite(Status(StatusCode::kDeadlineExceeded, "no answer"), /*in_doubt=*/true);
  Push(RowOp::kInsert, 10, {1});
  Turns();
  EXPECT_EQ(conditions_.Current().state, Condition::kRetrying);
  EXPECT_THAT(conditions_.Current().reason, HasSubstr("write db.things: "));
  EXPECT_EQ(acknowledged(), 0U);
  for (int i = 0; i < 2; ++i) {
    clock_.Advance(milliseconds(60'000));
    Turns();
  }
  EXPECT_EQ(sink_.batches().back().batch.op, RowOp::kUpsert);
  EXPECT_EQ(conditions_.Current().state, Condition::kOk);
  EXPECT_EQ(acknowledged(), 10U);
  EXPECT_THAT(fatal_, IsEmpty());
}

TEST_F(RowWriterTest, AMissingCollectionMayAppearForAWhile) {
  writer_->Open(kThings, Gate());
  sink_.FailNextWrite(NotFoundError("collection not found"), false);
  sink_.FailNextWrite(NotFoundError("collection not found"), false);
  Push(RowOp::kInsert, 10, {1});
  Turns();
  EXPECT_THAT(fatal_, IsEmpty());
  clock_.Advance(milliseconds(15'000));
  Turns();
  EXPECT_THAT(fatal_, ElementsAre(HasSubstr("collection not found")));
  EXPECT_EQ(acknowledged(), 0U);
}

TEST_F(RowWriterTest, WhatIsRefusedForGoodIsFatalAtOnce) {
  writer_->Open(kThings, Gate());
  sink_.FailNextWrite(InvalidArgumentError("too long"), false);
  Push(RowOp::kInsert, 10, {1});
  Turns();
  EXPECT_THAT(fatal_, ElementsAre(HasSubstr("too long")));
  Push(RowOp::kInsert, 11, {2});
  Turns();
  EXPECT_THAT(Written(), IsEmpty()) << "nothing is written any more";
}

TEST_F(RowWriterTest, RowsBeyondTheHorizonWaitForANewOne) {
  writer_->Open(kThings, Gate());
  Push(RowOp::kInsert, kFarTs + 1, {1});
  Turns();
  EXPECT_THAT(Written(), IsEmpty());
  EXPECT_EQ(wanted_, 1);
  EXPECT_GT(horizon_.Next(kChannel, {kFarTs + 1}), Timestamp{kFarTs});
  ASSERT_TRUE(horizon_.OnSaved(true));
  writer_->Wake();
  Turns();
  EXPECT_THAT(Written(), SizeIs(1));
}

TEST_F(RowWriterTest, ACloseHoldsRowsAndRepeatsUntilTheNewNameIsKnown) {
  writer_->Open(kThings, Gate());
  sink_.Cork();
  sink_.FailNextWrite(UnavailableError("busy"), false);
  Push(RowOp::kInsert, 10, {1});
  Turns();
  writer_->Close(kThings);
  EXPECT_TRUE(writer_->HasCalls(kThings));
  sink_.Uncork();
  Push(RowOp::kInsert, 11, {2});
  Turns();
  EXPECT_FALSE(writer_->HasCalls(kThings)) << "one that waits to be repeated is none";
  clock_.Advance(milliseconds(60'000));
  Turns();
  EXPECT_THAT(Written(), IsEmpty());
  writer_->Reopen(kThings, {"db", "renamed"});
  Turns();
  EXPECT_THAT(Written(), ElementsAre("insert 1 renamed.first", "insert 1 renamed.first"));
  EXPECT_EQ(acknowledged(), 11U);
}

TEST_F(RowWriterTest, RowsOfWhatIsDiscardedAreAcknowledgedUnwritten) {
  writer_->Open(kThings, Gate());
  sink_.FailNextWrite(UnavailableError("busy"), false);
  Push(RowOp::kInsert, 10, {1});
  Turns();
  Push(RowOp::kInsert, 11, {2}, kSecond);
  writer_->DiscardPartition(kThings, kSecond);
  EXPECT_TRUE(writer_->PartitionIdle(kThings, kSecond));
  Push(RowOp::kInsert, 12, {3}, kSecond);
  writer_->Discard(kThings);
  Push(RowOp::kInsert, 13, {4});
  Turns();
  EXPECT_THAT(Written(), IsEmpty());
  EXPECT_EQ(acknowledged(), 13U) << "the call that waited to be repeated, too";
  EXPECT_EQ(writer_->bytes_waiting(), 0U);
}

TEST_F(RowWriterTest, CountsWhatIsReadAndWritten) {
  Push(RowOp::kInsert, 10, {1, 2});
  TaskCounts counts = writer_->counts();
  EXPECT_EQ(counts.collections[kThings].name, "");
  EXPECT_EQ(counts.collections[kThings].rows.read.inserts, 2U);
  EXPECT_EQ(counts.bytes[kChannel].read.inserts, 100U);
  EXPECT_EQ(counts.BytesWritten(), 0U);
  writer_->Open(kThings, Gate());
  Push(RowOp::kDelete, 11, {1});
  Turns();
  counts = writer_->counts();
  EXPECT_EQ(counts.collections[kThings].name, "things");
  EXPECT_EQ(counts.collections[kThings].rows.written.inserts, 2U);
  EXPECT_EQ(counts.collections[kThings].rows.written.deletes, 1U);
  EXPECT_EQ(counts.bytes[kChannel].written.inserts, 100U);
  EXPECT_EQ(counts.bytes[kChannel].written.deletes, 100U);
  writer_->Forget(kThings);
  counts = writer_->counts();
  EXPECT_THAT(counts.collections, IsEmpty());
  EXPECT_EQ(counts.RowsWritten().inserts, 2U);
}

TEST_F(RowWriterTest, RowsThatTheTargetMayHoldAreUpserted) {
  Push(RowOp::kInsert, 10, {1});
  RowGate gate = Gate();
  gate.may_hold_until = {11};
  writer_->Open(kThings, gate);
  Push(RowOp::kInsert, 11, {2});
  Turns();
  Push(RowOp::kInsert, 12, {3});
  Turns();
  EXPECT_THAT(Written(), ElementsAre("upsert 2 things.first", "insert 1 things.first"));
}

TEST_F(RowWriterTest, RowsThatWaitedWhileAnotherTaskWroteAreUpserted) {
  writer_->Open(kThings, Gate());
  writer_->Close(kThings);
  Push(RowOp::kInsert, 10, {1});
  Turns();
  ASSERT_THAT(Written(), IsEmpty());
  RowGate gate = Gate();
  gate.may_hold_until = {10};
  writer_->Open(kThings, gate);
  Turns();
  EXPECT_THAT(Written(), ElementsAre("upsert 1 things.first"));
}

TEST_F(RowWriterTest, AfterADoubtTheFirstCallWaits) {
  Make({.doubt_grace = milliseconds(1'000)});
  writer_->Open(kThings, Gate());
  Push(RowOp::kInsert, 10, {1});
  clock_.Advance(milliseconds(999));
  Turns();
  EXPECT_THAT(Written(), IsEmpty());
  clock_.Advance(milliseconds(1));
  Turns();
  EXPECT_THAT(Written(), SizeIs(1));
}

TEST_F(RowWriterTest, AStopThatCutsACallLeavesADoubt) {
  writer_->Open(kThings, Gate());
  sink_.Cork();
  Push(RowOp::kInsert, 10, {1});
  Turns();
  writer_->Drain(milliseconds(0));
  EXPECT_TRUE(writer_->doubt_left());
  EXPECT_EQ(acknowledged(), 0U);
}

TEST_F(RowWriterTest, AStopWithoutCallsLeavesNone) {
  writer_->Open(kThings, Gate());
  Push(RowOp::kInsert, 10, {1});
  Turns();
  writer_->Drain(milliseconds(0));
  EXPECT_FALSE(writer_->doubt_left());
}

}  // namespace
}  // namespace cdc
