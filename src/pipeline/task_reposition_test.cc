#include "pipeline/task_reposition.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/testing/task_pipeline_fixture.h"

// A paused task is given other places in the log. The test does what the task manager does: it
// stops the task, has it changed, and starts it again.
namespace cdc {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::Key;
using testing::SizeIs;

class TaskRepositionTest : public TaskPipelineTest {
 protected:
  TaskRepositionTest() {
    spec_.on_collection_error = OnCollectionError::kSetAside;
    catalog_.SetPresent({1'000});
    catalog_.Set(MakeCatalog({a_, b_}));
  }

  // Rows of `keys` in all collections at `ts`, and a tick after them. Returns their first record.
  MsgId Append(const std::vector<int64_t>& keys, uint64_t ts) {
    const MsgId first = log_.Append(kChannel, InsertRecord(a_, keys, ts));
    log_.Append(kChannel, InsertRecord(b_, keys, ts));
    log_.Append(kChannel, TickRecord(ts + 1));
    return first;
  }
  void StartAndStopAt(uint64_t ts) {
    Start();
    ASSERT_TRUE(WaitForCheckpoint(ts));
    Stop();
  }

  static GivenPositions At(const Collection& collection, const MsgId& id, uint64_t ts) {
    return {.collection = collection.id,
            .places = {{collection.vchannels[0], {.position = id, .ts = {ts}}}}};
  }
  Result<std::vector<ScopeNote>> Move(const GivenPositions& given, bool force = true) {
    return replicator_->Reposition(spec_, {{{"default", "a"}, given}}, force);
  }
  std::string Refusal(const GivenPositions& given) {
    const auto moved = Move(given);
    EXPECT_FALSE(moved.ok());
    return moved.status().message();
  }
  uint64_t RowsOf(const std::string& name) {
    uint64_t rows = 0;
    for (const auto& [op, count] : WritesTo(name)) {
      rows += count;
    }
    return rows;
  }

  const Collection a_ = MakeCollection(1, "a", 5);
  const Collection b_ = MakeCollection(2, "b", 5);
};

TEST_F(TaskRepositionTest, RowsSinceAnEarlierPlaceComeAgainAndThoseOfOthersDoNot) {
  Append({1, 2}, 11);
  const MsgId place = Append({3}, 21);
  log_.Append(kChannel, DeleteRecord(a_, {3}, 31));
  log_.Append(kChannel, TickRecord(32));
  StartAndStopAt(32);
  const auto notes = Move(At(a_, place, 12));
  ASSERT_TRUE(notes.ok()) << notes.status().ToString();
  ASSERT_THAT(*notes, SizeIs(1));
  EXPECT_EQ((*notes)[0].collection, (CollectionName{"default", "a"}));
  EXPECT_EQ((*notes)[0].what, ScopeNote::What::kMoved);
  EXPECT_THAT((*notes)[0].rows, HasSubstr("are written again"));
  Start();
  log_.Append(kChannel, InsertRecord(a_, {4}, 2'000));
  log_.Append(kChannel, TickRecord(2'001));
  ASSERT_TRUE(WaitForCheckpoint(2'001));
  const auto writes = WritesTo("a");
  const auto rows_with = [&writes](RowOp op) {
    uint64_t rows = 0;
    for (const auto& [each, count] : writes) {
      rows += each == op ? count : 0;
    }
    return rows;
  };
  EXPECT_EQ(rows_with(RowOp::kInsert), 3U + 1U) << "what was never sent is no upsert";
  EXPECT_EQ(rows_with(RowOp::kUpsert), 1U);
  EXPECT_EQ(rows_with(RowOp::kDelete), 1U + 1U);
  const auto upsert = std::ranges::find(writes, std::pair(RowOp::kUpsert, uint64_t{1}));
  EXPECT_NE(std::find(upsert, writes.end(), std::pair(RowOp::kDelete, uint64_t{1})), writes.end());
  EXPECT_EQ(RowsOf("b"), 3U);
  EXPECT_EQ(Saved(kChannel).replay, std::nullopt);
  EXPECT_EQ(failure(), "");
}

TEST_F(TaskRepositionTest, AProcessThatDiesRightAfterItLosesNothingOfIt) {
  Append({1, 2}, 11);
  const MsgId place = Append({3}, 21);
  StartAndStopAt(22);
  ASSERT_TRUE(Move(At(a_, place, 12)).ok());
  NewProcess();
  StartAndStopAt(22);
  NewProcess();
  Start();
  ASSERT_TRUE(Eventually([&] { return RowsOf("a") == 4U; }));
  EXPECT_EQ(WritesTo("a").back(), std::pair(RowOp::kUpsert, uint64_t{1}));
  EXPECT_EQ(RowsOf("b"), 3U);
}

// Its time is not known, and nothing of the others may depend on that.
TEST_F(TaskRepositionTest, APlaceMayBeAnIdAlone) {
  Append({1, 2}, 11);
  Collection young = MakeCollection(3, "young", 15);
  young.start_positions[kChannel] = log_.Append(kChannel, InsertRecord(young, {1}, 16));
  catalog_.Set(MakeCatalog({a_, b_, young}));
  const MsgId place = Append({3}, 21);
  StartAndStopAt(22);
  ASSERT_TRUE(Move(At(a_, place, 0)).ok());
  Start();
  Append({4}, 31);
  ASSERT_TRUE(WaitForCheckpoint(32));
  EXPECT_EQ(RowsOf("a"), 5U);
  EXPECT_EQ(RowsOf("b"), 4U);
  EXPECT_EQ(RowsOf("young"), 1U);
  EXPECT_THAT(WritesTo("b"), Each(Key(RowOp::kInsert)));
  EXPECT_EQ(failure(), "");
}

TEST_F(TaskRepositionTest, ALaterPlaceLeavesRowsOutAndSaysSo) {
  Append({1, 2}, 11);
  StartAndStopAt(12);
  Append({3}, 21);
  const MsgId place = Append({4, 5}, 31);
  const auto notes = Move(At(a_, place, 22));
  ASSERT_TRUE(notes.ok()) << notes.status().ToString();
  EXPECT_THAT((*notes)[0].rows, HasSubstr("the target never gets them"));
  Start();
  ASSERT_TRUE(WaitForCheckpoint(32));
  EXPECT_EQ(RowsOf("a"), 2U + 2U);
  EXPECT_EQ(RowsOf("b"), 5U);
}

// If all collections of a channel leave it behind; one that is not begun yet needs it, too.
TEST_F(TaskRepositionTest, WhatTheQueueNoLongerHoldsCanBeLeftOut) {
  Append({1, 2}, 11);
  StartAndStopAt(12);
  Append({3}, 21);
  const MsgId place = Append({4}, 31);
  log_.Expire(kChannel, place);
  ASSERT_TRUE(Move(At(a_, place, 22)).ok());
  Start();
  ASSERT_TRUE(Eventually([&] { return failure().find("position expired") != std::string::npos; }))
      << failure();
  Stop();
  const std::map<CollectionName, GivenPositions> both = {{{"default", "a"}, At(a_, place, 22)},
                                                         {{"default", "b"}, At(b_, place, 22)}};
  Collection young = MakeCollection(3, "young", 15);
  young.start_positions[kChannel] = FakeLog::IdOf(FakeLog::NumberOf(place) - 1);
  catalog_.Set(MakeCatalog({a_, b_, young}));
  ASSERT_TRUE(replicator_->Reposition(spec_, both, true).ok());
  EXPECT_EQ(Saved(kChannel).ts, Timestamp{12});
  catalog_.Set(MakeCatalog({a_, b_}));
  ASSERT_TRUE(replicator_->Reposition(spec_, both, true).ok());
  {
    MutexLock lock(mutex_);
    failure_.clear();
  }
  Start();
  ASSERT_TRUE(WaitForCheckpoint(32));
  EXPECT_EQ(RowsOf("a"), 3U);
  EXPECT_EQ(RowsOf("b"), 3U);
  EXPECT_EQ(failure(), "");
}

// Their place is later than their time says: the other collections need what is before it.
TEST_F(TaskRepositionTest, APositionThatDoesNotFitItsTimeCostsTheOthersNothing) {
  Append({1, 2}, 11);
  StartAndStopAt(12);
  Append({3}, 21);
  const MsgId place = Append({4}, 31);
  ASSERT_TRUE(Move(At(a_, place, 11)).ok());
  Start();
  ASSERT_TRUE(WaitForCheckpoint(32));
  EXPECT_EQ(RowsOf("b"), 4U);
  EXPECT_EQ(RowsOf("a"), 4U);
}

TEST_F(TaskRepositionTest, NeitherACopyNorWhereTheTaskBeganLeavesRowsOut) {
  const MsgId place = Append({1, 2}, 11);
  Append({3}, 21);
  ReplicatedCollection record{.id = a_.id,
                              .source = {"default", "a"},
                              .target = {"default", "a"},
                              .pchannels = a_.pchannels,
                              .created = a_.created,
                              .skip_until = {{kChannel, place}}};
  ASSERT_TRUE(store_.PutCollection("t", record).ok());
  ASSERT_TRUE(store_
                  .PutSnapshot("t", {.collection = a_.id,
                                     .takeover = {{a_.vchannels[0], {place, {12}}}},
                                     .done = true})
                  .ok());
  StartAndStopAt(22);
  ASSERT_EQ(RowsOf("a"), 1U);
  ASSERT_TRUE(Move(At(a_, place, 6)).ok());
  Start();
  ASSERT_TRUE(Eventually([&] { return RowsOf("a") == 4U; }));
  EXPECT_EQ(RowsOf("b"), 3U);
}

TEST_F(TaskRepositionTest, OneThatWasSetAsideGoesOnThere) {
  Append({1, 2}, 11);
  StartAndStopAt(12);
  ASSERT_TRUE(replicator_->Change(spec_, {.set_aside = {{a_.id, "by hand"}}}).ok());
  Append({3}, 21);
  StartAndStopAt(22);
  const MsgId place = Append({4}, 31);
  const auto notes = Move(At(a_, place, 22));
  ASSERT_TRUE(notes.ok()) << notes.status().ToString();
  EXPECT_THAT((*notes)[0].rows, HasSubstr("are left out"));
  Start();
  ASSERT_TRUE(WaitForCheckpoint(32));
  EXPECT_EQ(RowsOf("a"), 3U);
  EXPECT_EQ(RowsOf("b"), 4U);
  EXPECT_THAT(task_->GetStatus().set_aside, SizeIs(0));
}

TEST_F(TaskRepositionTest, WithoutForceItOnlySaysWhatItWouldMean) {
  const MsgId place = Append({1, 2}, 11);
  StartAndStopAt(12);
  const ChannelCheckpoint before = Saved(kChannel);
  const auto refused = Move(At(a_, place, 7), /*force=*/false);
  EXPECT_EQ(refused.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.status().message(), HasSubstr("needs force; collection default.a: rows aft"));
  EXPECT_EQ(Saved(kChannel).position, before.position);
  EXPECT_EQ(Saved(kChannel).replay, std::nullopt);
}

TEST_F(TaskRepositionTest, WhatCannotBeReadFromThereIsRefused) {
  const MsgId first = Append({1, 2}, 11);
  StartAndStopAt(12);
  const MsgId last = Append({3}, 21);
  EXPECT_THAT(Refusal({.collection = a_.id, .places = {}}), HasSubstr("lack channel"));
  EXPECT_THAT(Refusal({.collection = {77}, .places = At(a_, first, 11).places}),
              HasSubstr("dropped and created again"));
  EXPECT_THAT(Refusal(At(a_, last, 1'001)), HasSubstr("later than the present of the source"));
  EXPECT_THAT(Refusal(At(a_, last, 0)), HasSubstr("give a MsgPosition with its timestamp"));
  spec_.stop_at = {20};
  EXPECT_THAT(Refusal(At(a_, last, 20)), HasSubstr("not earlier than the task's stop_at"));
  spec_.stop_at = {};
  const auto unknown = replicator_->Reposition(spec_, {{{"default", "x"}, At(a_, last, 21)}}, true);
  EXPECT_EQ(unknown.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(unknown.status().message(), HasSubstr("positions are given for default.x"));
  log_.Expire(kChannel, last);
  EXPECT_EQ(Move(At(a_, first, 11)).status().code(), StatusCode::kOutOfRange);
}

TEST_F(TaskRepositionTest, ACollectionWithoutAPlaceOfItsOwnIsRefused) {
  const MsgId first = Append({1, 2}, 11);
  EXPECT_THAT(Refusal(At(a_, first, 11)), HasSubstr("has not brought collection default.a to the"));
  StartAndStopAt(12);
  ASSERT_TRUE(store_.PutSnapshot("t", {.collection = a_.id, .takeover = {}}).ok());
  EXPECT_THAT(Refusal(At(a_, first, 11)), HasSubstr("are being copied"));
}

}  // namespace
}  // namespace cdc
