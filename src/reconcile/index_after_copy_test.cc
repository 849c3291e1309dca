#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcile/reconciler.h"
#include "reconcile/testing/reconcile_fixture.h"

namespace cdc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The source has an index on `a` and has loaded it; its stored rows are being copied.
class IndexAfterCopyTest : public ReconcileTest {
 protected:
  IndexAfterCopyTest() {
    a_.load = {.loaded = true, .whole_collection = true, .partitions = {{1000}}};
    a_.indexes = {{.id = {5}, .field = {100}, .name = "by_id"}};
    SetSource({a_});
    StoreSnapshot(/*done=*/false);
  }

  void StoreSnapshot(bool done) {
    const SnapshotProgress progress{
        .collection = a_.id, .takeover = {}, .begun = true, .done = done, .segments = {}};
    EXPECT_TRUE(store_.PutSnapshot("t", progress).ok());
  }
  // Makes `a` the task's collection on the target, as an earlier process has left it.
  void StoreOnTarget(Timestamp may_hold_until = {}) {
    EXPECT_TRUE(target_.Apply(CreateCollection{.name = name_, .schema = a_.schema}).ok());
    ReplicatedCollection record;
    record.id = a_.id;
    record.source = record.target = name_;
    record.pchannels = a_.pchannels;
    record.created = a_.created;
    record.may_hold_until = may_hold_until;
    record.on_target = record.seen_on_target = true;
    EXPECT_TRUE(store_.PutCollection("t", record).ok());
  }
  void BeginAndSettle() {
    Begin();
    Settle();
  }
  std::vector<std::string> NewDdls() {
    std::vector<std::string> all = Ddls();
    std::vector<std::string> fresh(all.begin() + static_cast<std::ptrdiff_t>(seen_), all.end());
    seen_ = all.size();
    return fresh;
  }
  std::vector<std::string> Pending() const { return reconciler_->Progress().pending; }
  bool IsLoaded() { return (*target_.DescribeCollection(name_))->loaded; }

  Collection a_ = SmallCollection(1, "a");
  const CollectionName name_{"default", "a"};
  size_t seen_ = 0;
};

TEST_F(IndexAfterCopyTest, IndexAndLoadWaitAndTheRowsDoNot) {
  BeginAndSettle();
  EXPECT_THAT(NewDdls(), ElementsAre("create collection default.a"));
  EXPECT_TRUE(gates_.passes(a_.id));
  reconciler_->OnCopied(a_.id);
  Settle();
  EXPECT_THAT(NewDdls(),
              ElementsAre("create index by_id on default.a.id", "load collection default.a"));
}

TEST_F(IndexAfterCopyTest, WaitingIsNoProblemButADrainWaitsToo) {
  BeginAndSettle();
  EXPECT_EQ(conditions_.Current().state, Condition::kOk);
  EXPECT_FALSE(reconciler_->Progress().applied);
  EXPECT_THAT(Pending(), ElementsAre("index and load of default.a, until it is copied"));
  // From the moment the copy ends there must be no gap in which everything seems to be done.
  reconciler_->OnCopied(a_.id);
  EXPECT_FALSE(reconciler_->Progress().applied);
  Settle();
  EXPECT_TRUE(reconciler_->Progress().applied);
  EXPECT_THAT(Pending(), IsEmpty());
}

// All features wait for a copy into what the target had.
TEST_F(IndexAfterCopyTest, ADrainWaitsForTheFeaturesOfAReplacedCollectionToo) {
  StoreOnTarget(/*may_hold_until=*/{1});
  ASSERT_TRUE(target_.Apply(CreateIndex{name_, "id", "by_id", {}}).ok());
  ASSERT_TRUE(target_.Apply(LoadCollection{name_, 1}).ok());
  a_.aliases = {"also_a"};
  SetSource({a_});
  NewDdls();
  BeginAndSettle();
  EXPECT_THAT(NewDdls(), IsEmpty());
  EXPECT_THAT(Pending(), ElementsAre(HasSubstr("of default.a, until it is copied")));
  reconciler_->OnCopied(a_.id);
  EXPECT_FALSE(reconciler_->Progress().applied);
  Settle();
  EXPECT_THAT(NewDdls(), ElementsAre("set alias also_a of default.a"));
  EXPECT_TRUE(reconciler_->Progress().applied);
}

TEST_F(IndexAfterCopyTest, WaitingCostsNoRounds) {
  BeginAndSettle();
  EXPECT_GE(wait_, std::chrono::seconds(20));
  const size_t before = gates_.calls() + routes_.calls();
  for (int i = 0; i < 1000; ++i) {
    reconciler_->OnProgress();
    Turn();
  }
  EXPECT_LE(gates_.calls() + routes_.calls() - before, 2000U);
}

TEST_F(IndexAfterCopyTest, OnlyTheLoadWaitsIfTheTaskWantsIndexesBefore) {
  index_after_copy_ = false;
  BeginAndSettle();
  EXPECT_THAT(NewDdls(),
              ElementsAre("create collection default.a", "create index by_id on default.a.id"));
  EXPECT_THAT(Pending(), ElementsAre("load of default.a, until it is copied"));
  reconciler_->OnCopied(a_.id);
  Settle();
  EXPECT_THAT(NewDdls(), ElementsAre("load collection default.a"));
}

TEST_F(IndexAfterCopyTest, NothingWaitsForACopyThatIsDone) {
  StoreSnapshot(/*done=*/true);
  StoreOnTarget();
  NewDdls();
  BeginAndSettle();
  EXPECT_THAT(NewDdls(),
              ElementsAre("create index by_id on default.a.id", "load collection default.a"));
  EXPECT_TRUE(reconciler_->Progress().applied);
}

TEST_F(IndexAfterCopyTest, OtherCollectionsAndFeaturesDoNotWait) {
  Collection b = SmallCollection(2, "b");
  b.load = {.loaded = true, .whole_collection = true, .partitions = {{2000}}};
  b.indexes = {{.id = {6}, .field = {100}, .name = "by_id"}};
  a_.aliases = {"also_a"};
  SetSource({a_, b});
  BeginAndSettle();
  EXPECT_THAT(NewDdls(),
              ElementsAre("create collection default.a", "set alias also_a of default.a",
                          "create collection default.b", "create index by_id on default.b.id",
                          "load collection default.b"));
}

TEST_F(IndexAfterCopyTest, ACollectionThatIsLoadedStaysLoadedAndFollowsTheSource) {
  StoreOnTarget();
  ASSERT_TRUE(target_.Apply(CreateIndex{name_, "id", "by_id", {}}).ok());
  ASSERT_TRUE(target_.Apply(LoadCollection{name_, 1}).ok());
  NewDdls();
  BeginAndSettle();
  EXPECT_THAT(NewDdls(), IsEmpty());
  EXPECT_TRUE(IsLoaded());
  EXPECT_TRUE(reconciler_->Progress().applied);
  Collection released = a_;
  released.load = {};
  SetSource({released});
  Settle();
  EXPECT_THAT(NewDdls(), ElementsAre("release collection default.a"));
}

TEST_F(IndexAfterCopyTest, AnotherIndexOfALoadedCollectionWaitsAndNothingIsReleased) {
  StoreOnTarget();
  ASSERT_TRUE(target_.Apply(CreateIndex{name_, "id", "old", {{"index_type", "INVERTED"}}}).ok());
  ASSERT_TRUE(target_.Apply(LoadCollection{name_, 1}).ok());
  NewDdls();
  BeginAndSettle();
  EXPECT_THAT(NewDdls(), IsEmpty());
  EXPECT_TRUE(IsLoaded());
  reconciler_->OnCopied(a_.id);
  Settle();
  EXPECT_THAT(NewDdls(),
              ElementsAre("release collection default.a", "drop index old on default.a.id",
                          "create index by_id on default.a.id", "load collection default.a"));
}

TEST_F(IndexAfterCopyTest, WhatTheSourceChangesMeanwhileIsDoneOnceAtTheEnd) {
  a_.indexes.clear();
  a_.load = {};
  SetSource({a_});
  BeginAndSettle();
  EXPECT_TRUE(reconciler_->Progress().applied);
  a_.indexes = {{.id = {7}, .field = {100}, .name = "late"}};
  SetSource({a_});
  Settle();
  EXPECT_THAT(Pending(), ElementsAre(HasSubstr("index of default.a")));
  EXPECT_THAT(NewDdls(), ElementsAre("create collection default.a"));
  reconciler_->OnCopied(a_.id);
  Settle();
  EXPECT_THAT(NewDdls(), ElementsAre("create index late on default.a.id"));
  EXPECT_TRUE(reconciler_->Progress().applied);
}

TEST_F(IndexAfterCopyTest, ADropDuringTheCopyLeavesNothingPending) {
  BeginAndSettle();
  SetSource({});
  Settle();
  EXPECT_THAT(NewDdls(), ElementsAre("create collection default.a", "drop collection default.a"));
  EXPECT_TRUE(reconciler_->Progress().applied);
}

}  // namespace
}  // namespace cdc
