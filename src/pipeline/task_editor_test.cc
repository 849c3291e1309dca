#include "pipeline/task_editor.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/task_changes.h"
#include "source/testing/fake_source.h"

namespace cdc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

using Until = ChannelCheckpoint::AppliedUntil;

constexpr const char* kFirst = "dml_0";
constexpr const char* kSecond = "dml_1";
constexpr Timestamp kPresent{1'000};

class TaskEditorTest : public testing::Test {
 protected:
  TaskEditorTest() {
    spec_.db_collections = {{"*", {{.name = "*"}}}};
    for (int i = 0; i < 200; ++i) {
      log_.Append(kFirst, "x");
      log_.Append(kSecond, "x");
    }
    Add(1, "a", {kFirst, kSecond});
    Add(2, "b", {kFirst});
    progress_.channels = {Checkpoint(kFirst, 50, 500), Checkpoint(kSecond, 60, 600)};
  }

  void Add(int64_t id, const std::string& name, const std::vector<std::string>& channels) {
    Collection collection;
    collection.id = {id};
    collection.database = kDefaultDatabaseId;
    collection.name = name;
    collection.created = {5};
    collection.pchannels = channels;
    for (size_t shard = 0; shard < channels.size(); ++shard) {
      collection.vchannels.push_back(channels[shard] + "_" + std::to_string(id) + "v" +
                                     std::to_string(shard));
      collection.start_positions[channels[shard]] = FakeLog::IdOf(2);
    }
    collection.partitions = {{.id = {id * 10}, .name = "_default"},
                             {.id = {id * 10 + 1}, .name = "p"},
                             {.id = {id * 10 + 2}, .name = "q", .state = ObjectState::kDropping}};
    catalog_.databases[kDefaultDatabaseId] =
        std::make_shared<Database>(Database{.id = kDefaultDatabaseId, .name = "default"});
    catalog_.collections[{id}] = std::make_shared<const Collection>(collection);
    progress_.collections.push_back(
        {.id = {id}, .source = {"default", name}, .pchannels = channels, .created = {5}});
  }

  static ChannelCheckpoint Checkpoint(const std::string& channel, int position, uint64_t ts) {
    return {.channel = channel,
            .position = FakeLog::IdOf(position),
            .ts = {ts},
            .applied = {},
            .horizon = {}};
  }

  Status Apply(const TaskChanges& changes) {
    const Scope scope(spec_);
    TaskEditor editor({.catalog = &catalog_,
                       .log = &log_,
                       .scope = &scope,
                       .can_copy = can_copy_,
                       .can_filter = can_filter_,
                       .ignore_partition = ignore_partition_,
                       .present = kPresent,
                       .now_unix_ms = 77},
                      &progress_);
    return editor.Apply(changes);
  }

  TaskSpec spec_;
  FakeLog log_;
  Catalog catalog_;
  bool can_copy_ = true;
  bool can_filter_ = true;
  bool ignore_partition_ = false;
  MetaStore::Progress progress_;
};

TEST_F(TaskEditorTest, ACollectionThatIsSetAsideKeepsItsPlaces) {
  ASSERT_TRUE(Apply({.set_aside = {{{1}, "refused"}}}).ok());
  ASSERT_THAT(progress_.aside, SizeIs(1));
  EXPECT_EQ(progress_.aside[0],
            (AsideCollection{.collection = {1},
                             .name = {"default", "a"},
                             .reason = "refused",
                             .since_unix_ms = 77,
                             .left_at = {{kFirst, {FakeLog::IdOf(50), {500}}},
                                         {kSecond, {FakeLog::IdOf(60), {600}}}}}));
  // A second failure does not move them.
  progress_.channels[0] = Checkpoint(kFirst, 90, 900);
  ASSERT_TRUE(Apply({.set_aside = {{{1}, "again"}}}).ok());
  EXPECT_EQ(progress_.aside[0].reason, "again");
  EXPECT_EQ(progress_.aside[0].left_at.at(kFirst).ts, Timestamp{500});
}

TEST_F(TaskEditorTest, OneThatIsTakenUpIsReadAgainFromThere) {
  progress_.channels[0].horizon = {510};
  ASSERT_TRUE(Apply({.set_aside = {{{1}, "refused"}}}).ok());
  progress_.channels = {Checkpoint(kFirst, 90, 900), Checkpoint(kSecond, 60, 600)};
  progress_.channels[0].applied = {FakeLog::IdOf(95)};
  progress_.channels[0].horizon = {910};
  ASSERT_TRUE(Apply({.take_up = {{1}}}).ok());
  EXPECT_THAT(progress_.aside, IsEmpty());
  const ChannelCheckpoint& first = progress_.channels[0];
  EXPECT_EQ(first.position, FakeLog::IdOf(50));
  EXPECT_EQ(first.ts, Timestamp{500});
  EXPECT_EQ(first.horizon, Timestamp{});
  EXPECT_THAT(first.applied, ElementsAre(FakeLog::IdOf(95)));
  ASSERT_TRUE(first.replay.has_value());
  EXPECT_EQ(first.replay->others, (Until{{900}, {910}}));
  EXPECT_THAT(first.replay->collections,
              ElementsAre(Pair(CollectionId{1}, Until{{500}, kPresent})));
  // The others have not moved in the second channel: nothing of it is read again.
  EXPECT_EQ(progress_.channels[1].ts, Timestamp{600});
  EXPECT_EQ(progress_.channels[1].replay->collections.at({1}), (Until{{600}, kPresent}));
}

TEST_F(TaskEditorTest, ASecondOneFallsBehindWhileTheFirstIsReadAgain) {
  ASSERT_TRUE(Apply({.set_aside = {{{1}, "refused"}, {{2}, "refused"}}}).ok());
  progress_.channels[0] = Checkpoint(kFirst, 90, 900);
  ASSERT_TRUE(Apply({.take_up = {{1}}}).ok());
  // The first has got to 700.
  progress_.channels[0].position = FakeLog::IdOf(70);
  progress_.channels[0].ts = {700};
  progress_.channels[0].horizon = {720};
  ASSERT_TRUE(Apply({.take_up = {{2}}}).ok());
  const ChannelCheckpoint& first = progress_.channels[0];
  EXPECT_EQ(first.ts, Timestamp{500});
  EXPECT_EQ(first.replay->others, (Until{{900}, {900}}));
  EXPECT_EQ(first.replay->collections.at({1}), (Until{{700}, kPresent}));
  EXPECT_EQ(first.replay->collections.at({2}), (Until{{500}, kPresent}));
}

TEST_F(TaskEditorTest, WhatIsSetAsideWhileItIsReadAgainKeepsWhereItHasGotTo) {
  ASSERT_TRUE(Apply({.set_aside = {{{1}, "refused"}}}).ok());
  progress_.channels[0] = Checkpoint(kFirst, 90, 900);
  ASSERT_TRUE(Apply({.take_up = {{1}}}).ok());
  progress_.channels[0].position = FakeLog::IdOf(70);
  progress_.channels[0].ts = {700};
  ASSERT_TRUE(Apply({.set_aside = {{{1}, "refused"}, {{2}, "too"}}}).ok());
  EXPECT_EQ(FindAside({1}, progress_)->left_at.at(kFirst), (Takeover{FakeLog::IdOf(70), {700}}));
  // The other one is further: it must not repeat what it has.
  EXPECT_EQ(FindAside({2}, progress_)->left_at.at(kFirst), (Takeover{FakeLog::IdOf(90), {900}}));
  // Nobody is left for whom the channel must be read again.
  EXPECT_EQ(progress_.channels[0].ts, Timestamp{900});
  EXPECT_EQ(progress_.channels[0].position, FakeLog::IdOf(90));
  EXPECT_EQ(progress_.channels[0].replay, std::nullopt);
}

TEST_F(TaskEditorTest, TheOthersKeepWhatTheyHaveReachedInTheMeantime) {
  ASSERT_TRUE(Apply({.set_aside = {{{1}, "refused"}, {{2}, "refused"}}}).ok());
  progress_.channels[0] = Checkpoint(kFirst, 90, 900);
  ASSERT_TRUE(Apply({.take_up = {{1}}}).ok());
  // Beyond where the others were, and not beyond what may have been sent.
  progress_.channels[0].position = FakeLog::IdOf(95);
  progress_.channels[0].ts = {950};
  ASSERT_TRUE(Apply({.take_up = {{2}}}).ok());
  EXPECT_EQ(progress_.channels[0].replay->others.ts, Timestamp{950});
  EXPECT_EQ(progress_.channels[0].replay->others_position, FakeLog::IdOf(95));
}

TEST_F(TaskEditorTest, OneThatHadNotBegunBeginsAtItsBeginning) {
  Add(3, "c", {kFirst});
  progress_.collections.pop_back();
  auto young = *catalog_.collections.at({3});
  young.created = {550};
  young.start_positions[kFirst] = FakeLog::IdOf(55);
  catalog_.collections[{3}] = std::make_shared<const Collection>(young);
  ASSERT_TRUE(Apply({.set_aside = {{{3}, "refused"}}}).ok());
  EXPECT_THAT(progress_.aside.at(0).left_at, IsEmpty()) << "younger than the checkpoint";
  // In a channel that lags it is still to come: the others lose nothing.
  ASSERT_TRUE(Apply({.take_up = {{3}}}).ok());
  EXPECT_EQ(progress_.channels[0].ts, Timestamp{500});
  EXPECT_EQ(progress_.channels[0].position, FakeLog::IdOf(50));
  ASSERT_TRUE(Apply({.set_aside = {{{3}, "refused"}}}).ok());
  progress_.channels[0] = Checkpoint(kFirst, 90, 900);
  ASSERT_TRUE(Apply({.take_up = {{3}}}).ok());
  EXPECT_EQ(progress_.channels[0].ts, Timestamp{550});
  EXPECT_EQ(progress_.channels[0].position, FakeLog::IdOf(50)) << "where it waited for its turn";
  EXPECT_EQ(progress_.channels[0].replay->others, (Until{{900}, {900}}));
  // It is refused again before anything is read.
  ASSERT_TRUE(Apply({.set_aside = {{{3}, "refused"}}}).ok());
  EXPECT_EQ(progress_.channels[0].ts, Timestamp{900});
  EXPECT_EQ(progress_.channels[0].position, FakeLog::IdOf(90));
}

TEST_F(TaskEditorTest, OneWhosePlaceHasExpiredIsCopied) {
  ASSERT_TRUE(Apply({.set_aside = {{{1}, "refused"}}}).ok());
  log_.Expire(kFirst, FakeLog::IdOf(80));
  can_copy_ = false;
  const Status refused = Apply({.take_up = {{1}}});
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.message(), HasSubstr("sourceConfig.storage"));
  EXPECT_EQ(FindAside({1}, progress_)->reason, "refused") << "nothing is changed";
  can_copy_ = true;
  ASSERT_TRUE(Apply({.take_up = {{1}}}).ok());
  EXPECT_EQ(FindAside({1}, progress_)->reason, "");
  EXPECT_THAT(progress_.snapshots, ElementsAre(SnapshotProgress{.collection = {1}}));
}

// A copy whose log is applied meanwhile.
TEST_F(TaskEditorTest, OneThatIsSetAsideDuringItsCopyGoesOnWithBoth) {
  const SnapshotProgress copy{.collection = {1},
                              .takeover = {{"dml_0_1v0", {FakeLog::IdOf(40), {400}}},
                                           {"dml_1_1v1", {FakeLog::IdOf(65), {650}}}},
                              .begun = true,
                              .log = CopyLog::kApplied};
  progress_.snapshots = {copy};
  progress_.channels.pop_back();  // nothing of the second channel is read yet
  ASSERT_TRUE(Apply({.set_aside = {{{1}, "refused"}}}).ok());
  EXPECT_EQ(Apply({.cancel = {{1}}}).code(), StatusCode::kFailedPrecondition);
  // The queue need not hold the takeover any more, but the place where the log was left.
  log_.Expire(kFirst, FakeLog::IdOf(45));
  progress_.channels[0] = Checkpoint(kFirst, 90, 900);
  ASSERT_TRUE(Apply({.take_up = {{1}}}).ok());
  EXPECT_THAT(progress_.aside, IsEmpty());
  EXPECT_THAT(progress_.snapshots, ElementsAre(copy));
  EXPECT_EQ(progress_.channels.at(0).ts, Timestamp{500});
  EXPECT_EQ(progress_.channels.at(1).ts, Timestamp{});
  EXPECT_EQ(progress_.channels.at(1).replay->collections.at({1}), (Until{{650}, kPresent}));
}

TEST_F(TaskEditorTest, OneWhoseLogExpiresDuringItsCopyIsCopiedFromTheBeginning) {
  progress_.snapshots = {{.collection = {1}, .begun = true, .log = CopyLog::kApplied}};
  progress_.collections[0].on_target = true;
  ASSERT_TRUE(Apply({.expired = {kFirst}}).ok());
  EXPECT_THAT(progress_.snapshots, ElementsAre(SnapshotProgress{.collection = {1}},
                                               SnapshotProgress{.collection = {2}}));
  EXPECT_EQ(FindAside({1}, progress_)->reason, "");
  EXPECT_THAT(FindAside({1}, progress_)->left_at, IsEmpty()) << "the rest was never copied";
  EXPECT_EQ(progress_.collections[0].may_hold_until, kPresent);
}

TEST_F(TaskEditorTest, ACopyBesideTheOthersIsFollowedFromItsTakeover) {
  ASSERT_TRUE(Apply({.copy_again = {{{1}, {}}}}).ok());
  EXPECT_EQ(Apply({.copy_again = {{{1}, {}}}}).code(), StatusCode::kFailedPrecondition);
  EXPECT_TRUE(FinishedCopies(progress_).empty());
  progress_.snapshots[0].done = true;
  progress_.snapshots[0].takeover = {{"dml_0_1v0", {FakeLog::IdOf(40), {400}}},
                                     {"dml_1_1v1", {FakeLog::IdOf(65), {650}}}};
  ASSERT_FALSE(FinishedCopies(progress_).empty());
  ASSERT_TRUE(Apply(FinishedCopies(progress_)).ok());
  EXPECT_THAT(progress_.aside, IsEmpty());
  EXPECT_EQ(progress_.channels[0].ts, Timestamp{400});
  EXPECT_EQ(progress_.channels[0].position, FakeLog::IdOf(40));
  EXPECT_EQ(progress_.channels[0].replay->others.ts, Timestamp{500});
  EXPECT_EQ(progress_.channels[1].ts, Timestamp{600}) << "its rows up to 650 are left out";
}

TEST_F(TaskEditorTest, WhatIsCopiedAgainMayBeThereAlready) {
  progress_.collections[0].on_target = true;
  progress_.collections[0].seen_on_target = true;
  ASSERT_TRUE(Apply({.copy_again = {{{1}, {}}}}).ok());
  const ReplicatedCollection& again = progress_.collections[0];
  EXPECT_EQ(again.may_hold_until, kPresent);
  EXPECT_TRUE(again.on_target);
  EXPECT_FALSE(again.seen_on_target) << "if it has been removed, it is created again";
}

TEST_F(TaskEditorTest, ACopyIntoWhatWasCreatedAnewIsNotCancelled) {
  ASSERT_TRUE(Apply({.copy_again = {{{1}, {}}}}).ok());
  progress_.collections[0].may_hold_until = {};
  EXPECT_THAT(Apply({.cancel = {{1}}}).message(), HasSubstr("created anew"));
  EXPECT_THAT(progress_.snapshots, SizeIs(1));
}

TEST_F(TaskEditorTest, ACopyThatIsCancelledGoesOnWhereItWasLeft) {
  EXPECT_EQ(Apply({.cancel = {{1}}}).code(), StatusCode::kFailedPrecondition);
  ASSERT_TRUE(Apply({.copy_again = {{{1}, {}}}}).ok());
  progress_.channels[0] = Checkpoint(kFirst, 90, 900);
  progress_.snapshots[0].begun = true;
  progress_.snapshots[0].takeover = {{"dml_0_1v0", {FakeLog::IdOf(40), {400}}},
                                     {"dml_1_1v1", {FakeLog::IdOf(65), {650}}}};
  ASSERT_TRUE(Apply({.cancel = {{1}}}).ok());
  EXPECT_THAT(progress_.snapshots, IsEmpty());
  EXPECT_THAT(progress_.aside, IsEmpty());
  // Rows of the copy may be as old as its takeover.
  EXPECT_EQ(progress_.channels[0].ts, Timestamp{400});
  EXPECT_EQ(progress_.channels[1].ts, Timestamp{600});
}

TEST_F(TaskEditorTest, AnExpiredChannelMeansACopyOfItsCollections) {
  Add(3, "c", {kSecond});
  ASSERT_TRUE(Apply({.expired = {kFirst}}).ok());
  ASSERT_THAT(progress_.channels, SizeIs(1));
  EXPECT_EQ(progress_.channels[0].channel, kSecond);
  EXPECT_NE(FindAside({1}, progress_), nullptr);
  EXPECT_NE(FindAside({2}, progress_), nullptr);
  EXPECT_EQ(FindAside({3}, progress_), nullptr);
  EXPECT_THAT(progress_.snapshots, SizeIs(2));
  progress_.snapshots[1].done = true;
  progress_.snapshots[1].takeover = {{"dml_0_2v0", {FakeLog::IdOf(140), {1400}}}};
  ASSERT_TRUE(Apply(FinishedCopies(progress_)).ok());
  ASSERT_THAT(progress_.channels, SizeIs(2));
  EXPECT_EQ(progress_.channels[1].ts, Timestamp{}) << "the takeover itself says where it begins";
}

TEST_F(TaskEditorTest, OneThatIsRenamedIntoTheScopeIsBegun) {
  Add(3, "c", {kFirst});
  progress_.collections.pop_back();
  ASSERT_TRUE(Apply({.copy_again = {{{3}, {}}}}).ok());
  const ReplicatedCollection& begun = progress_.collections.back();
  EXPECT_EQ(begun.id, CollectionId{3});
  EXPECT_EQ(begun.target, (CollectionName{"default", "c"}));
  EXPECT_EQ(begun.may_hold_until, kPresent);
}

TEST_F(TaskEditorTest, OneThatCannotBeCopiedNowIsCopiedByARetry) {
  Add(3, "c", {kFirst});
  progress_.collections.pop_back();
  can_copy_ = false;
  ASSERT_TRUE(Apply({.set_aside = {{{3}, "renamed"}}, .copy_later = {{3}}}).ok());
  EXPECT_THAT(Apply({.take_up = {{3}}}).message(), HasSubstr("sourceConfig.storage"));
  can_copy_ = true;
  ASSERT_TRUE(Apply({.take_up = {{3}}}).ok());
  EXPECT_EQ(FindAside({3}, progress_)->reason, "");
  EXPECT_THAT(progress_.snapshots, SizeIs(1));
}

TEST_F(TaskEditorTest, AFinishedCopyIsFollowedBeforeAnythingElse) {
  ASSERT_TRUE(Apply({.copy_again = {{{2}, {}}}}).ok());
  progress_.snapshots[0].done = true;
  progress_.snapshots[0].begun = true;
  progress_.snapshots[0].takeover = {{"dml_0_2v0", {FakeLog::IdOf(40), {400}}}};
  progress_.channels[0] = Checkpoint(kFirst, 90, 900);
  ASSERT_TRUE(Apply({.set_aside = {{{2}, "by hand"}}}).ok());
  EXPECT_EQ(FindAside({2}, progress_)->left_at.at(kFirst), (Takeover{FakeLog::IdOf(40), {400}}));
  EXPECT_EQ(progress_.channels[0].ts, Timestamp{900});
}

TEST_F(TaskEditorTest, ASecondCopyRemembersHowOldTheRowsOfTheFirstAre) {
  ASSERT_TRUE(Apply({.copy_again = {{{2}, {}}}}).ok());
  progress_.snapshots[0].begun = true;
  progress_.snapshots[0].takeover = {{"dml_0_2v0", {FakeLog::IdOf(40), {400}}}};
  ASSERT_TRUE(Apply({.set_aside = {{{2}, "damaged file"}}}).ok());
  ASSERT_TRUE(Apply({.copy_again = {{{2}, {}}}}).ok());
  ASSERT_TRUE(Apply({.cancel = {{2}}}).ok());
  EXPECT_EQ(progress_.channels[0].ts, Timestamp{400});
  EXPECT_TRUE(progress_.collections[1].seen_on_target) << "it is not created again, empty";
}

TEST_F(TaskEditorTest, OneWhoseTakeoverIsLostCannotGoOnFromLater) {
  ASSERT_TRUE(Apply({.copy_again = {{{2}, {}}}}).ok());
  progress_.snapshots[0].done = true;
  progress_.snapshots[0].begun = true;
  progress_.snapshots[0].takeover = {{"dml_0_2v0", {FakeLog::IdOf(40), {400}}}};
  log_.Expire(kFirst, FakeLog::IdOf(45));
  ASSERT_TRUE(Apply(FinishedCopies(progress_)).ok());
  EXPECT_FALSE(progress_.snapshots[0].done) << "it is copied again";
  EXPECT_THAT(Apply({.cancel = {{2}}}).message(), HasSubstr("cannot be cancelled"))
      << "the target has its rows as of 400, and 500 would be later";
}

TEST_F(TaskEditorTest, ACancelChecksItsPlace) {
  ASSERT_TRUE(Apply({.copy_again = {{{2}, {}}}}).ok());
  log_.Expire(kFirst, FakeLog::IdOf(80));
  EXPECT_THAT(Apply({.cancel = {{2}}}).message(), HasSubstr("cannot be cancelled"));
  EXPECT_THAT(progress_.snapshots, SizeIs(1)) << "nothing is changed";
}

// ---- Copies of some rows ---------------------------------------------------------------------

class CopyOfSomeTest : public TaskEditorTest {
 protected:
  CopyOfSomeTest() {
    progress_.collections[0].seen_on_target = true;
    progress_.collections[0].on_target = true;
  }

  Status Copy(const CopySelection& selection) { return Apply({.copy_again = {{{1}, selection}}}); }
  void Edit(const std::function<void(Collection*)>& change) {
    Collection collection = *catalog_.Find({1});
    change(&collection);
    catalog_.collections[{1}] = std::make_shared<const Collection>(collection);
  }
  // Its shards are at 400 and 650; it was left at 500 and 600.
  void ReachTakeovers(bool done) {
    progress_.snapshots.at(0).done = done;
    progress_.snapshots[0].takeover = {{"dml_0_1v0", {FakeLog::IdOf(40), {400}, {700}}},
                                       {"dml_1_1v1", {FakeLog::IdOf(65), {650}, {700}}}};
  }

  AsideCollection* Aside() { return &progress_.aside.at(0); }

  const CopySelection some_{.partitions = {"p"}};
};

TEST_F(CopyOfSomeTest, TheLogIsReadAgainFromTheEarlierOfBothPlaces) {
  ASSERT_TRUE(Copy(some_).ok());
  ASSERT_THAT(progress_.snapshots, SizeIs(1));
  EXPECT_EQ(progress_.snapshots[0].selection, some_);
  EXPECT_TRUE(progress_.collections[0].seen_on_target) << "missing rows would not be noticed";
  EXPECT_EQ(progress_.collections[0].may_hold_until, kPresent);
  progress_.channels = {Checkpoint(kFirst, 90, 900), Checkpoint(kSecond, 95, 950)};
  ReachTakeovers(/*done=*/true);
  ASSERT_TRUE(Apply(FinishedCopies(progress_)).ok());
  EXPECT_THAT(progress_.aside, IsEmpty());
  EXPECT_EQ(progress_.channels[0].position, FakeLog::IdOf(40));
  EXPECT_EQ(progress_.channels[0].ts, Timestamp{400}) << "the copied rows are as of then";
  EXPECT_EQ(progress_.channels[1].position, FakeLog::IdOf(60));
  EXPECT_EQ(progress_.channels[1].ts, Timestamp{600}) << "the others are as of then";
  EXPECT_EQ(progress_.channels[0].replay->collections.at({1}), (Until{{400}, kPresent}));
  EXPECT_EQ(progress_.channels[1].replay->collections.at({1}), (Until{{600}, kPresent}));
  EXPECT_EQ(progress_.channels[1].replay->others.ts, Timestamp{950});
  // What it has copied stays to be seen.
  ASSERT_THAT(progress_.snapshots, SizeIs(1));
  EXPECT_TRUE(progress_.snapshots[0].done);
}

TEST_F(CopyOfSomeTest, OneThatIsCancelledGoesOnFromTheEarlierOfBothPlaces) {
  ASSERT_TRUE(Copy(some_).ok());
  progress_.channels[0] = Checkpoint(kFirst, 90, 900);
  ReachTakeovers(/*done=*/false);  // nothing is sent, but rows of the target may be removed
  ASSERT_TRUE(Apply({.cancel = {{1}}}).ok());
  EXPECT_THAT(progress_.snapshots, IsEmpty());
  EXPECT_EQ(progress_.channels[0].ts, Timestamp{400});
  EXPECT_EQ(progress_.channels[1].ts, Timestamp{600});
}

TEST_F(CopyOfSomeTest, OneThatHasNotGotFarBeginsAtItsBeginning) {
  progress_.channels.clear();
  ASSERT_TRUE(Copy(some_).ok());
  ASSERT_TRUE(Apply({.cancel = {{1}}}).ok());
  EXPECT_EQ(progress_.channels[0].ts, Timestamp{});
  EXPECT_EQ(progress_.channels[0].replay->collections.at({1}).ts, Timestamp{5});
}

TEST_F(CopyOfSomeTest, IsRefusedWithTheCure) {
  EXPECT_THAT(Copy({.partitions = {"p", "q"}}).message(),
              HasSubstr("no partition q; it has _default, p"));
  can_filter_ = false;
  EXPECT_THAT(Copy({.filter = "id > 1"}).message(), HasSubstr("set sourceConfig.milvus"));
  can_filter_ = true;
  can_copy_ = false;
  EXPECT_THAT(Copy(some_).message(), HasSubstr("set sourceConfig.storage"));
  EXPECT_TRUE(Copy({.filter = "id > 1"}).ok()) << "it needs no storage";
  can_copy_ = true;
  EXPECT_THAT(Copy(some_).message(), HasSubstr("being copied already"));
  ASSERT_TRUE(Apply({.cancel = {{1}}}).ok());
  ignore_partition_ = true;
  EXPECT_THAT(Copy(some_).message(), HasSubstr("ignore_partition"));
  EXPECT_TRUE(Copy({.partitions = {"p"}, .filter = "id > 1"}).ok()) << "it removes nothing";
  ASSERT_TRUE(Apply({.cancel = {{1}}}).ok());
  ignore_partition_ = false;
  Edit([](Collection* collection) {
    collection->schema.fields = {{.id = {100}, .name = "k", .is_partition_key = true}};
  });
  EXPECT_THAT(Copy(some_).message(), HasSubstr("select its rows with a filter"));
  EXPECT_TRUE(Copy({.filter = "k > 1"}).ok());
}

TEST_F(CopyOfSomeTest, TheRestMustBeOnTheTargetAndInTheQueue) {
  progress_.collections[0].seen_on_target = false;
  EXPECT_THAT(Copy(some_).message(), HasSubstr("all of it has to be copied"));
  progress_.collections[0].seen_on_target = true;
  log_.Expire(kFirst, FakeLog::IdOf(55));
  EXPECT_THAT(Copy(some_).message(), HasSubstr("all of it has to be copied"));
  EXPECT_THAT(progress_.aside, IsEmpty()) << "nothing is changed";
  EXPECT_TRUE(Copy({}).ok());
}

TEST_F(CopyOfSomeTest, AQueueThatHasLostThePlaceOfTheRestMeansACopyOfAll) {
  ASSERT_TRUE(Copy(some_).ok());
  ReachTakeovers(/*done=*/true);
  progress_.snapshots[0].takeover.erase("dml_0_1v0");
  log_.Expire(kFirst, FakeLog::IdOf(55));
  MetaStore::Progress before = progress_;
  ASSERT_TRUE(Apply(FinishedCopies(progress_)).ok());
  ASSERT_THAT(progress_.snapshots, SizeIs(1));
  EXPECT_TRUE(progress_.snapshots[0].selection.IsAll());
  EXPECT_FALSE(progress_.snapshots[0].done);
  EXPECT_EQ(FindAside({1}, progress_)->reason, "");
  // Without a storage it waits for one.
  progress_ = std::move(before);
  can_copy_ = false;
  ASSERT_TRUE(Apply(FinishedCopies(progress_)).ok());
  EXPECT_THAT(FindAside({1}, progress_)->reason, HasSubstr("sourceConfig.storage"));
}

TEST_F(CopyOfSomeTest, SetAsideInTheMiddleItGoesOnAndMayBeReplaced) {
  ASSERT_TRUE(Copy(some_).ok());
  ReachTakeovers(/*done=*/false);
  ASSERT_TRUE(Apply({.set_aside = {{{1}, "damaged file"}}}).ok());
  ASSERT_TRUE(Apply({.take_up = {{1}}}).ok());
  EXPECT_EQ(progress_.snapshots.at(0).selection, some_);
  EXPECT_FALSE(progress_.snapshots[0].takeover.empty());
  EXPECT_EQ(FindAside({1}, progress_)->reason, "");
  ASSERT_TRUE(Apply({.set_aside = {{{1}, "damaged file"}}}).ok());
  ASSERT_TRUE(Copy({.filter = "id > 1"}).ok());
  EXPECT_THAT(progress_.snapshots, SizeIs(1));
  EXPECT_TRUE(progress_.snapshots[0].takeover.empty());
  ASSERT_TRUE(Apply({.cancel = {{1}}}).ok());
  EXPECT_EQ(progress_.channels[0].ts, Timestamp{400}) << "rows of the first are as of then";
}

TEST_F(CopyOfSomeTest, OneWhoseTakeoverIsLostIsBegunAgainWithItsSelection) {
  ASSERT_TRUE(Copy(some_).ok());
  progress_.snapshots[0].takeover = {{"dml_0_1v0", {FakeLog::IdOf(52), {520}}}};
  progress_.channels[0] = Checkpoint(kFirst, 90, 900);
  Aside()->left_at[kFirst] = {FakeLog::IdOf(60), {600}};
  log_.Expire(kFirst, FakeLog::IdOf(55));
  ASSERT_TRUE(Apply({.set_aside = {{{1}, "damaged file"}}}).ok());
  EXPECT_THAT(Apply({.take_up = {{1}}}).message(), HasSubstr("all of it has to be copied"))
      << "its rows are as of a time that the queue has lost";
}

TEST_F(CopyOfSomeTest, NotInsteadOfTheRestOfAWholeCopy) {
  ASSERT_TRUE(Copy({}).ok());
  progress_.collections[0].seen_on_target = true;
  ASSERT_TRUE(Apply({.set_aside = {{{1}, "damaged file"}}}).ok());
  EXPECT_THAT(Copy(some_).message(), HasSubstr("has to be finished first"));
}

TEST_F(TaskEditorTest, WhatIsGoneAndWasNotBegunIsForgotten) {
  Add(3, "c", {kFirst});
  progress_.collections.pop_back();
  ASSERT_TRUE(Apply({.set_aside = {{{3}, "refused"}}}).ok());
  catalog_.collections.erase({3});
  ASSERT_TRUE(Apply({.set_aside = {{{2}, "refused"}}}).ok());
  EXPECT_EQ(FindAside({3}, progress_), nullptr);
}

}  // namespace
}  // namespace cdc
