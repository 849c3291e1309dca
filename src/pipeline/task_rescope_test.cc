#include "pipeline/task_rescope.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/base64.h"
#include "pipeline/task_changes.h"
#include "pipeline/testing/task_pipeline_fixture.h"
#include "reconcile/plan/plan.h"
#include "source/testing/fake_snapshot_source.h"

// What a paused task covers is changed. The test does what the task manager does: it stops the
// task, has its scope changed, and starts it again.
namespace cdc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Changes right after it was read once.
class ChangingCatalog : public FakeCatalog {
 public:
  Result<std::shared_ptr<const Catalog>> Sync(const std::stop_token& stop) override {
    auto catalog = FakeCatalog::Sync(stop);
    if (next_.has_value()) {
      SetUnseen(*std::exchange(next_, std::nullopt));
    }
    return catalog;
  }
  void SetNext(Catalog catalog) { next_ = std::move(catalog); }

 private:
  std::optional<Catalog> next_;
};

class TaskRescopeTest : public TaskPipelineTest {
 protected:
  TaskRescopeTest() {
    spec_.db_collections.clear();
    spec_.collection_infos = {{.name = "a"}, {.name = "c"}};
    catalog_.SetPresent({1'000});
    catalog_.Set(MakeCatalog({a_, b_, c_}));
  }

  Status Cover(const std::vector<std::string>& names) {
    TaskSpec after = spec_;
    after.collection_infos.clear();
    for (const std::string& name : names) {
      after.collection_infos.push_back({.name = name});
    }
    return Rescope(std::move(after));
  }
  Status Rescope(TaskSpec after) {
    Result<std::vector<ScopeNote>> notes =
        replicator_->Rescope(spec_, {after, TaskState::kPaused, "by hand"}, {});
    CDC_RETURN_IF_ERROR(notes.status());
    notes_ = *std::move(notes);
    spec_ = std::move(after);
    return OkStatus();
  }
  std::vector<std::string> Notes() const {
    std::vector<std::string> texts;
    for (const ScopeNote& note : notes_) {
      texts.push_back((note.what == ScopeNote::What::kAdded ? "+" : "-") +
                      note.collection.ToString());
    }
    return texts;
  }

  // Rows of `keys` in all three collections at `ts`, and a tick after them.
  void Append(const std::vector<int64_t>& keys, uint64_t ts) {
    for (const Collection* each : {&a_, &b_, &c_}) {
      log_.Append(kChannel, InsertRecord(*each, keys, ts));
    }
    log_.Append(kChannel, TickRecord(ts + 1));
  }
  uint64_t RowsOf(const std::string& name) {
    uint64_t rows = 0;
    for (const auto& [op, count] : WritesTo(name)) {
      rows += count;
    }
    return rows;
  }
  const ReplicatedCollection* Known(CollectionId id) {
    progress_ = *store_.LoadProgress("t");
    for (const ReplicatedCollection& known : progress_.collections) {
      if (known.id == id) {
        return &known;
      }
    }
    return nullptr;
  }

  const Collection a_ = MakeCollection(1, "a", 5);
  const Collection b_ = MakeCollection(2, "b", 5);
  const Collection c_ = MakeCollection(3, "c", 5);
  std::vector<ScopeNote> notes_;
  MetaStore::Progress progress_;
};

TEST_F(TaskRescopeTest, WhatIsAddedBeginsAtItsBeginningAndWhatIsRemovedGetsNothingMore) {
  Append({1, 2}, 11);
  Start();
  ASSERT_TRUE(WaitForCheckpoint(12));
  Stop();
  Append({3}, 21);
  ASSERT_TRUE(Cover({"b", "c"}).ok());
  EXPECT_THAT(Notes(), ElementsAre("-default.a", "+default.b"));
  EXPECT_THAT(notes_[1].rows, HasSubstr("from earliest"));
  ASSERT_TRUE(store_.ListTasks().ok());
  const std::vector<TaskRecord> stored = *store_.ListTasks();
  ASSERT_THAT(stored, SizeIs(1));
  EXPECT_EQ(stored[0].spec.collection_infos, spec_.collection_infos);
  EXPECT_EQ(stored[0].state, TaskState::kPaused);
  Start();
  Append({4}, 31);
  ASSERT_TRUE(WaitForCheckpoint(32));
  EXPECT_EQ(RowsOf("b"), 4U);
  // Nothing of the others is repeated.
  EXPECT_EQ(RowsOf("c"), 4U);
  EXPECT_THAT(WritesTo("c"), testing::Each(testing::Key(RowOp::kInsert)));
  EXPECT_EQ(RowsOf("a"), 2U);
  EXPECT_THAT(Ddls(), testing::Not(testing::Contains("drop collection default.a")));
  EXPECT_EQ(failure(), "");
}

TEST_F(TaskRescopeTest, WhatIsRemovedAndAddedAgainBeginsAnew) {
  Append({1, 2}, 11);
  Start();
  ASSERT_TRUE(WaitForCheckpoint(12));
  Stop();
  ASSERT_TRUE(Cover({"c"}).ok());
  EXPECT_EQ(Known(a_.id), nullptr);
  Start();
  Append({3}, 21);
  ASSERT_TRUE(WaitForCheckpoint(22));
  Stop();
  ASSERT_TRUE(Cover({"a", "c"}).ok());
  EXPECT_THAT(Notes(), ElementsAre("+default.a"));
  Start();
  Append({4}, 31);
  ASSERT_TRUE(WaitForCheckpoint(32));
  // What may be there is written in a way that does not double it.
  const auto writes = WritesTo("a");
  uint64_t upserts = 0;
  for (const auto& [op, rows] : writes) {
    upserts += op == RowOp::kUpsert ? rows : 0;
  }
  EXPECT_EQ(RowsOf("a"), 2U + 4U);
  EXPECT_GE(upserts, 3U);
}

TEST_F(TaskRescopeTest, FromLatestOnlyNewRowsCome) {
  Append({1}, 11);
  Start();
  ASSERT_TRUE(WaitForCheckpoint(12));
  Stop();
  Append({2}, 21);
  spec_.start_from = StartFrom::kLatest;
  ASSERT_TRUE(Cover({"a", "b", "c"}).ok());
  EXPECT_THAT(notes_[0].rows, HasSubstr("from latest"));
  Start();
  Append({3}, 31);
  ASSERT_TRUE(WaitForCheckpoint(32));
  EXPECT_EQ(RowsOf("b"), 1U);
  EXPECT_EQ(RowsOf("a"), 3U);
}

TEST_F(TaskRescopeTest, AChannelThatNobodyUsesAnyMoreIsForgotten) {
  Append({1}, 11);
  Start();
  ASSERT_TRUE(WaitForCheckpoint(12));
  Stop();
  ASSERT_TRUE(Cover({"none"}).ok());
  EXPECT_THAT(Notes(), ElementsAre("-default.a", "-default.c"));
  EXPECT_EQ(Saved(kChannel).ts, Timestamp{});
  ASSERT_TRUE(Cover({"a"}).ok());
  Start();
  ASSERT_TRUE(WaitForCheckpoint(12));
  EXPECT_EQ(RowsOf("a"), 2U);  // again, as upserts
}

TEST_F(TaskRescopeTest, WhatTheQueueNoLongerHoldsCannotBeAdded) {
  Collection b = b_;
  b.start_positions[kChannel] = FakeLog::IdOf(1);
  catalog_.Set(MakeCatalog({a_, b, c_}));
  Append({1}, 11);
  Start();
  ASSERT_TRUE(WaitForCheckpoint(12));
  Stop();
  log_.Expire(kChannel, FakeLog::IdOf(4));
  const MetaStore::Progress before = *store_.LoadProgress("t");
  const Status refused = Cover({"a", "b", "c"});
  EXPECT_EQ(refused.code(), StatusCode::kOutOfRange) << refused.ToString();
  EXPECT_THAT(store_.LoadProgress("t")->collections, SizeIs(before.collections.size()));
  EXPECT_THAT(*store_.ListTasks(), IsEmpty());
}

TEST_F(TaskRescopeTest, ACollectionOnTheTargetKeepsItsName) {
  Append({1}, 11);
  Start();
  ASSERT_TRUE(WaitForCheckpoint(12));
  Stop();
  TaskSpec after = spec_;
  after.name_mapping = {{"default", "default", {{"a", "x"}}}};
  const Status refused = Rescope(after);
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(refused.message(), HasSubstr("collection default.a is on the target as default.a"));
  after.name_mapping = {{"default", "default", {{"b", "x"}}}};
  after.collection_infos.push_back({.name = "b"});
  ASSERT_TRUE(Rescope(after).ok());
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.x"));
  ASSERT_TRUE(Eventually([&] { return RowsOf("x") == 1; }));
}

TEST_F(TaskRescopeTest, APolicyAloneLeavesTheProgressAsItIs) {
  Append({1}, 11);
  Start();
  ASSERT_TRUE(WaitForCheckpoint(12));
  Stop();
  const ChannelCheckpoint before = Saved(kChannel);
  TaskSpec after = spec_;
  after.on_collection_error = OnCollectionError::kSetAside;
  ASSERT_TRUE(Rescope(after).ok());
  EXPECT_THAT(notes_, IsEmpty());
  EXPECT_EQ(Saved(kChannel).ts, before.ts);
  EXPECT_FALSE(Saved(kChannel).replay.has_value());
}

TEST_F(TaskRescopeTest, FromSnapshotItsStoredRowsAreCopiedWhileTheOthersGoOn) {
  FakeSnapshotSource stored;
  stored.Add({{b_.vchannels[0], {.takeover = {FakeLog::IdOf(1), {11}}, .parts = {}}}});
  options_.snapshots = &stored;
  NewProcess();
  Append({1}, 11);
  Start();
  ASSERT_TRUE(WaitForCheckpoint(12));
  Stop();
  spec_.start_from = StartFrom::kSnapshot;
  ASSERT_TRUE(Cover({"a", "b", "c"}).ok());
  EXPECT_THAT(notes_[0].rows, HasSubstr("from snapshot"));
  ASSERT_NE(Known(b_.id), nullptr);
  ASSERT_THAT(progress_.aside, SizeIs(1));
  EXPECT_EQ(progress_.aside[0].reason, "");
  EXPECT_THAT(progress_.aside[0].left_at, IsEmpty());
  EXPECT_THAT(progress_.snapshots, ElementsAre(SnapshotProgress{.collection = b_.id}));
  EXPECT_EQ(Saved(kChannel).ts, Timestamp{12});
}

// The task has replicated up to 12.
class RescopeLaterTest : public TaskRescopeTest {
 protected:
  void RunUntil12() {
    Append({1, 2}, 11);
    Start();
    ASSERT_TRUE(WaitForCheckpoint(12));
    Stop();
  }
};

TEST_F(RescopeLaterTest, WhatWasSetAsideAndRenamedStaysAside) {
  spec_.collection_infos = {{.name = "a*"}, {.name = "b*"}};
  RunUntil12();
  MetaStore::Progress progress = *store_.LoadProgress("t");
  SetAside(a_, {"default", "a"}, "it cannot be written", 0, &progress);
  ASSERT_TRUE(store_.ReplaceProgress("t", progress).ok());
  Collection renamed = a_;
  renamed.name = "b1";
  catalog_.Set(MakeCatalog({renamed, b_, c_}));
  ASSERT_TRUE(Cover({"b*"}).ok());
  EXPECT_THAT(Notes(), IsEmpty());
  ASSERT_NE(Known(a_.id), nullptr);
  ASSERT_THAT(progress_.aside, SizeIs(1));
  EXPECT_EQ(progress_.aside[0].left_at,
            (std::map<std::string, Takeover>{{kChannel, {Saved(kChannel).position, {12}}}}));
}

TEST_F(RescopeLaterTest, WhatWasSetAsideBeforeItWasBegunIsForgottenByItsPresentName) {
  RunUntil12();
  MetaStore::Progress progress = *store_.LoadProgress("t");
  SetAside(b_, {"default", "c"}, "it cannot be created", 0, &progress);
  ASSERT_TRUE(store_.ReplaceProgress("t", progress).ok());
  Collection renamed = b_;
  renamed.name = "x";
  catalog_.Set(MakeCatalog({a_, renamed, c_}));
  spec_.collection_infos.push_back({.name = "x"});
  ASSERT_TRUE(Cover({"a", "c"}).ok());
  EXPECT_THAT(store_.LoadProgress("t")->aside, IsEmpty());
}

TEST_F(RescopeLaterTest, AChannelWhoseCollectionsWereDroppedIsForgotten) {
  spec_.collection_infos = {{.name = "a"}};
  RunUntil12();
  catalog_.Set(MakeCatalog({b_, c_}));
  ASSERT_TRUE(store_.RemoveCollection("t", a_.id).ok());
  Append({3}, 21);
  log_.Expire(kChannel, FakeLog::IdOf(8));
  spec_.start_from = StartFrom::kLatest;
  ASSERT_TRUE(Cover({"b"}).ok());
  Start();
  Append({4}, 31);
  ASSERT_TRUE(Eventually([&] { return RowsOf("b") == 1 || !failure().empty(); }));
  EXPECT_EQ(failure(), "");
}

TEST_F(RescopeLaterTest, AChannelOfAKeptCollectionThatIsNotRecordedYetStays) {
  RunUntil12();
  ASSERT_TRUE(store_.RemoveCollection("t", c_.id).ok());
  ASSERT_TRUE(Cover({"c"}).ok());
  EXPECT_THAT(Notes(), ElementsAre("-default.a"));
  EXPECT_EQ(Saved(kChannel).ts, Timestamp{12});
}

TEST_F(RescopeLaterTest, TheReplicateChannelGoesOnWhereItIs) {
  RunUntil12();
  ASSERT_TRUE(store_.SaveCheckpoints("t", {{.channel = kReplicate, .ts = {9}}}).ok());
  ASSERT_TRUE(Cover({"none"}).ok());
  EXPECT_EQ(Saved(kReplicate).ts, Timestamp{9});
  EXPECT_EQ(Saved(kChannel).ts, Timestamp{});
}

TEST_F(RescopeLaterTest, PositionsOfACollectionThatIsGoneAreNoObstacle) {
  spec_.collection_infos.push_back(
      {.name = "gone", .positions = {{std::string(kChannel) + "_9v0", "AQ=="}}});
  RunUntil12();
  TaskSpec after = spec_;
  after.on_collection_error = OnCollectionError::kSetAside;
  const Status changed = Rescope(after);
  EXPECT_TRUE(changed.ok()) << changed.ToString();
  // Those of a collection that was not covered have to be right.
  after.collection_infos.push_back(
      {.name = "none", .positions = {{std::string(kChannel) + "_8v0", "AQ=="}}});
  EXPECT_EQ(Rescope(after).code(), StatusCode::kInvalidArgument);
}

TEST_F(RescopeLaterTest, APositionWithoutATimeLeavesTheOthersWhereTheyAre) {
  Collection a = a_;
  Collection b = b_;
  Collection c = c_;
  for (Collection* each : {&a, &b, &c}) {
    each->start_positions[kChannel] = FakeLog::IdOf(1);
  }
  catalog_.Set(MakeCatalog({a, b, c}));
  RunUntil12();
  Append({3}, 21);
  // The beginnings of all are gone.
  log_.Expire(kChannel, FakeLog::IdOf(4));
  ASSERT_TRUE(target_.Apply(PlanCreate(b, {"default", "b"}, {})).ok());
  TaskSpec after = spec_;
  after.collection_infos.push_back(
      {.name = "b", .positions = {{b.vchannels[0], EncodeBase64(FakeLog::IdOf(6).bytes)}}});
  const Status changed = Rescope(after);
  ASSERT_TRUE(changed.ok()) << changed.ToString();
  Start();
  ASSERT_TRUE(
      Eventually([&] { return Saved(kChannel).ts >= Timestamp{22} || !failure().empty(); }));
  EXPECT_EQ(failure(), "");
  EXPECT_EQ(RowsOf("a"), 3U);
  EXPECT_EQ(RowsOf("b"), 1U);
}

TEST_F(RescopeLaterTest, WhatIsCreatedMeanwhileIsNotAdded) {
  ChangingCatalog catalog;
  catalog.SetPresent({1'000});
  catalog.Set(MakeCatalog({a_, b_}));
  options_.catalog = &catalog;
  NewProcess();
  RunUntil12();
  spec_.start_from = StartFrom::kLatest;
  // `c` is created, and `a` gets another name that is covered.
  Collection renamed = a_;
  renamed.name = "d";
  catalog.SetNext(MakeCatalog({renamed, b_, c_}));
  ASSERT_TRUE(Cover({"a", "b", "c", "d"}).ok());
  EXPECT_THAT(Notes(), ElementsAre("+default.b"));
  EXPECT_EQ(Known(c_.id), nullptr);
  EXPECT_THAT(progress_.collections, SizeIs(2));
  replicator_.reset();
}

}  // namespace
}  // namespace cdc
