#include "reconcile/reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcile/testing/reconcile_fixture.h"

namespace cdc {
namespace {

using testing::Contains;
using testing::IsEmpty;
using testing::SizeIs;

class ReconcilerTest : public ReconcileTest {
 protected:
  std::vector<Collection> Many(int64_t count) {
    std::vector<Collection> collections;
    for (int64_t id = 1; id <= count; ++id) {
      collections.push_back(SmallCollection(id, "c" + std::to_string(id)));
    }
    return collections;
  }
  size_t Work() const { return gates_.calls() + routes_.calls(); }
};

// A full round over all collections would take at least 1 000 calls to the gates and routes.
TEST_F(ReconcilerTest, ProgressCostsNothingWhenNothingWaitsForIt) {
  SetSource(Many(1000));
  Begin();
  Settle();
  ASSERT_THAT(Ddls(), SizeIs(1000));
  const size_t before = Work();
  for (int i = 0; i < 1000; ++i) {
    reconciler_->OnProgress();
    Turn();
  }
  EXPECT_LE(Work() - before, 2000U);
  EXPECT_TRUE(reconciler_->Progress().applied);
}

TEST_F(ReconcilerTest, ProgressCostsOnlyWhatWaitsForIt) {
  std::vector<Collection> collections = Many(1000);
  SetSource(collections);
  Begin();
  Settle();
  const CollectionId last = collections.back().id;
  collections.pop_back();
  SetSource(collections);
  gates_.SetCalls(last, true);
  Turn();
  const size_t before = Work();
  for (int i = 0; i < 1000; ++i) {
    reconciler_->OnProgress();
    Turn();
  }
  EXPECT_LE(Work() - before, 10'000U);
  EXPECT_FALSE(reconciler_->Progress().applied);
  gates_.SetCalls(last, false);
  reconciler_->OnProgress();
  Turn();
  EXPECT_EQ(Ddls().back(), "drop collection default.c1000");
  EXPECT_TRUE(reconciler_->Progress().applied);
}

// Acknowledged rows do not mean that a change of the catalog is on the target.
TEST_F(ReconcilerTest, ProgressDoesNotReplaceAFullRound) {
  SetSource(Many(1));
  Begin();
  Settle();
  ASSERT_TRUE(reconciler_->Progress().applied);
  SetSource(Many(2));
  EXPECT_FALSE(reconciler_->Progress().applied);
  reconciler_->OnProgress();
  Turn();
  EXPECT_THAT(Ddls(), SizeIs(2));
  EXPECT_TRUE(reconciler_->Progress().applied);
}

// A drain, for example, stops the task as soon as everything counts as applied.
TEST_F(ReconcilerTest, ADatabaseIsDroppedBeforeTheCatalogCountsAsApplied) {
  const Database other{.id = {7}, .name = "other"};
  databases_.push_back(other);
  Collection moving = SmallCollection(1, "moving");
  moving.database = other.id;
  Collection dropped = SmallCollection(2, "dropped");
  dropped.database = other.id;
  SetSource({moving, dropped});
  Begin();
  Settle();
  databases_.pop_back();
  moving.database = kDefaultDatabaseId;
  gates_.SetCalls(moving.id, true);
  gates_.SetCalls(dropped.id, true);
  SetSource({moving});
  Turn();
  EXPECT_FALSE(reconciler_->Progress().applied);
  gates_.SetCalls(moving.id, false);
  gates_.SetCalls(dropped.id, false);
  while (!reconciler_->Progress().applied) {
    reconciler_->OnProgress();
    Turn();
    clock_.Advance(std::chrono::milliseconds(1));
    ASSERT_LT(clock_.UnixMs(), FakeClock().UnixMs() + 60'000);
  }
  EXPECT_THAT(Ddls(), Contains("drop database other"));
}

TEST_F(ReconcilerTest, AFailedCollectionIsRetriedWhenDue) {
  SetSource(Many(2));
  target_.FailNextDdl(UnavailableError("rate limit"));
  Begin();
  Turn();
  EXPECT_THAT(Ddls(), testing::ElementsAre("create collection default.c2"));
  EXPECT_THAT(reconciler_->Progress().pending, testing::ElementsAre("collection default.c1"));
  Turn();
  EXPECT_THAT(Ddls(), SizeIs(1));  // not yet due
  clock_.Advance(wait_);
  Turn();
  EXPECT_THAT(Ddls(), SizeIs(2));
  EXPECT_TRUE(reconciler_->Progress().applied);
  EXPECT_EQ(conditions_.Current().state, Condition::kOk);
}

// Rows of a partition that was dropped before the task saw it would hold the checkpoint forever.
TEST_F(ReconcilerTest, RowsOfAnUnknownPartitionAreDiscardedAfterProgress) {
  SetSource(Many(1));
  Begin();
  Settle();
  gates_.SetWaiting({1}, {PartitionId{77}, PartitionId{1000}});
  reconciler_->OnProgress();
  Turn();
  clock_.Advance(wait_);
  Turn();
  EXPECT_THAT(gates_.seen({1}).discarded_partitions, testing::ElementsAre(PartitionId{77}));
}

// So would those of a collection that was created and dropped between two rounds.
TEST_F(ReconcilerTest, RowsOfACollectionThatWasNeverSeenAreDiscarded) {
  SetSource(Many(1));
  Begin();
  Settle();
  const auto gone = std::make_shared<const Collection>(SmallCollection(7, "gone"));
  routes_.SetVanished({{.name = {"default", "gone"}, .collection = gone}});
  gates_.SetWaiting({7}, {PartitionId{7000}});
  SetSource(Many(1));
  Settle();
  EXPECT_TRUE(gates_.seen({7}).forgotten);
  EXPECT_TRUE(routes_.forgotten({7}));
  EXPECT_FALSE(routes_.forgotten({1}));
  EXPECT_THAT(Ddls(), testing::ElementsAre("create collection default.c1"));
  EXPECT_THAT(Stored(), SizeIs(1));
}

TEST_F(ReconcilerTest, AnotherSourceLeavesTheTargetAlone) {
  databases_[0].created_ns = 5;
  SetSource(Many(1));
  Begin();
  Settle();
  databases_[0].created_ns = 6;
  SetSource({});
  Settle();
  EXPECT_EQ(fatal_.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(Ddls(), testing::ElementsAre("create collection default.c1"));
}

TEST_F(ReconcilerTest, NoCallIsStartedOnceTheTaskStops) {
  SetSource(Many(1));
  Begin();
  stop_.request_stop();
  Turn();
  EXPECT_THAT(Ddls(), IsEmpty());
}

TEST_F(ReconcilerTest, ATargetThatWasAwayIsInspectedAgain) {
  SetSource(Many(1));
  Begin();
  Settle();
  ASSERT_TRUE(target_.Apply(DropCollection{{"default", "c1"}}).ok());
  reconciler_->ReinspectTarget();
  Turn();
  EXPECT_FALSE(reconciler_->Progress().applied);
  EXPECT_THAT(conditions_.Current().reason, testing::HasSubstr("has been removed from the target"));
}

TEST_F(ReconcilerTest, AFlushFollowsItsRows) {
  SetSource(Many(1));
  Begin();
  Settle();
  routes_.SetApplied(kDml, {10});
  bool done = false;
  reconciler_->AddFlush({.database = "default", .collections = {"c1"}, .ts = {20}},
                        [&done] { done = true; });
  Turn();
  EXPECT_FALSE(done);
  EXPECT_FALSE(reconciler_->Progress().applied);
  routes_.SetApplied(kDml, {20});
  reconciler_->OnProgress();
  Turn();
  EXPECT_TRUE(done);
  EXPECT_EQ(Ddls().back(), "flush default.c1");
  EXPECT_TRUE(reconciler_->Progress().applied);
}

}  // namespace
}  // namespace cdc
