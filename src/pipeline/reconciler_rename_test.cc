#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/testing/task_pipeline_fixture.h"
#include "reconcile/plan/plan.h"

// Collections whose names change on the source.
namespace cdc {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

Collection Named(Collection collection, std::string name) {
  collection.name = std::move(name);
  return collection;
}

class ReconcilerRenameTest : public TaskPipelineTest {
 protected:
  // Runs a task on these collections until they are on the target.
  void StartWith(const std::vector<Collection>& collections) {
    catalog_.Set(MakeCatalog(collections));
    Start();
    for (const Collection& collection : collections) {
      ASSERT_TRUE(WaitForDdl("create collection default." + collection.name));
    }
    ASSERT_TRUE(Eventually(
        [&] { return store_.LoadProgress("t")->collections.size() == collections.size(); }));
  }

  // The renames, in order.
  std::vector<std::string> Renames() {
    std::vector<std::string> renames;
    for (const std::string& text : Ddls()) {
      if (text.starts_with("rename ")) {
        renames.push_back(text);
      }
    }
    return renames;
  }

  // Writes one row to each collection. Returns the names under which they arrived, in this order.
  std::vector<std::string> WriteOneRowEach(const std::vector<Collection>& collections) {
    const size_t before = target_.batches().size();
    std::vector<std::string> names;
    for (const Collection& collection : collections) {
      log_.Append(kChannel, InsertRecord(collection, {++key_}, ++ts_));
      log_.Append(kChannel, TickRecord(++ts_));
      EXPECT_TRUE(WaitForCheckpoint(ts_));
    }
    const auto batches = target_.batches();
    for (size_t i = before; i < batches.size(); ++i) {
      names.push_back(batches[i].batch.target.collection);
    }
    return names;
  }

  // Leaves the store as if the process had died right after it recorded the rename.
  void RecordIntent(const std::string& to) {
    ReplicatedCollection record = store_.LoadProgress("t")->collections.at(0);
    record.renamed_from = record.target;
    record.target.collection = to;
    ASSERT_TRUE(store_.PutCollection("t", record).ok());
  }

  const Collection a_ = MakeCollection(1, "a", 5);
  const Collection b_ = MakeCollection(2, "b", 6);
  const Collection c_ = MakeCollection(3, "c", 7);
  uint64_t ts_ = 100;
  int64_t key_ = 0;
};

TEST_F(ReconcilerRenameTest, TheTargetFollows) {
  StartWith({a_});
  EXPECT_THAT(WriteOneRowEach({a_}), ElementsAre("a"));
  catalog_.Set(MakeCatalog({Named(a_, "z")}));
  EXPECT_TRUE(WaitForDdl("rename collection default.a to default.z"));
  EXPECT_THAT(WriteOneRowEach({a_}), ElementsAre("z"));
  EXPECT_EQ(target_.missed(), 0U);
  EXPECT_EQ(store_.LoadProgress("t")->collections.at(0).target.collection, "z");
  EXPECT_FALSE(store_.LoadProgress("t")->collections.at(0).renamed_from.has_value());
  catalog_.Set(MakeCatalog({}));
  EXPECT_TRUE(WaitForDdl("drop collection default.z"));
  // No problem is left, and nothing to replicate.
  EXPECT_TRUE(Eventually([&] { return task_->GetStatus().idle; })) << task_->GetStatus().reason;
}

TEST_F(ReconcilerRenameTest, RowsUnderWayEndFirstAndLaterOnesWait) {
  StartWith({a_});
  target_.Cork();
  log_.Append(kChannel, InsertRecord(a_, {1}, 11));
  log_.Append(kChannel, TickRecord(12));
  ASSERT_TRUE(Eventually([&] { return target_.corked() == 1; }));
  const uint64_t one = task_->GetStatus().bytes_waiting;
  catalog_.Set(MakeCatalog({Named(a_, "z"), b_}));
  ASSERT_TRUE(WaitForDdl("create collection default.b"));  // so the older one has been handled
  log_.Append(kChannel, InsertRecord(a_, {2}, 13));
  log_.Append(kChannel, TickRecord(14));
  ASSERT_TRUE(Eventually([&] { return task_->GetStatus().bytes_waiting > one; }));
  EXPECT_THAT(Renames(), ElementsAre());
  EXPECT_EQ(target_.corked(), 1U);
  target_.Uncork();
  EXPECT_TRUE(WaitForCheckpoint(14));
  EXPECT_THAT(Renames(), ElementsAre("rename collection default.a to default.z"));
  ASSERT_EQ(target_.batches().size(), 2U);
  EXPECT_EQ(target_.batches()[0].batch.target.collection, "a");
  EXPECT_EQ(target_.batches()[1].batch.target.collection, "z");
  EXPECT_EQ(target_.missed(), 0U);
}

TEST_F(ReconcilerRenameTest, ACallToBeRepeatedGoesToTheNewName) {
  options_.retry = {.initial = std::chrono::milliseconds(2), .max = std::chrono::milliseconds(2)};
  replicator_ = NewReplicator(options_);
  StartWith({a_});
  for (int i = 0; i < 50; ++i) {
    target_.FailNextWrite(UnavailableError("overloaded"), false);
  }
  log_.Append(kChannel, InsertRecord(a_, {1}, 11));
  log_.Append(kChannel, TickRecord(12));
  ASSERT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kRetrying; }));
  // Another collection takes the name at once: their rows must not get mixed up.
  catalog_.Set(MakeCatalog({Named(a_, "z"), MakeCollection(9, "a", 20)}));
  EXPECT_TRUE(WaitForCheckpoint(12));
  ASSERT_EQ(target_.batches().size(), 1U);
  EXPECT_EQ(target_.batches()[0].batch.target.collection, "z");
  EXPECT_EQ(target_.missed(), 0U);
  EXPECT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kOk; }))
      << task_->GetStatus().reason;
}

TEST_F(ReconcilerRenameTest, ANameThatIsFreeAgainIsForTheNextOne) {
  StartWith({a_});
  const Collection next = MakeCollection(9, "a", 20);
  catalog_.Set(MakeCatalog({Named(a_, "z"), next}));
  EXPECT_TRUE(Eventually([&] { return store_.LoadProgress("t")->collections.size() == 2; }));
  EXPECT_THAT(WriteOneRowEach({a_, next}), ElementsAre("z", "a"));
  EXPECT_EQ(target_.missed(), 0U);
}

TEST_F(ReconcilerRenameTest, AChainSeenAtOnce) {
  StartWith({a_, b_});
  Stop();
  catalog_.Set(MakeCatalog({Named(a_, "b"), Named(b_, "c")}));
  Start();
  EXPECT_THAT(WriteOneRowEach({a_, b_}), ElementsAre("b", "c"));
  EXPECT_THAT(Renames(), ElementsAre("rename collection default.b to default.c",
                                     "rename collection default.a to default.b"));
}

TEST_F(ReconcilerRenameTest, ASwapSeenAtOnce) {
  StartWith({a_, b_});
  catalog_.Set(MakeCatalog({Named(a_, "b"), Named(b_, "a")}));
  EXPECT_TRUE(WaitForDdl("rename collection default._cdc_2 to default.a"));
  EXPECT_THAT(WriteOneRowEach({a_, b_}), ElementsAre("b", "a"));
  EXPECT_THAT(Renames(), ElementsAre("rename collection default.b to default._cdc_2",
                                     "rename collection default.a to default.b",
                                     "rename collection default._cdc_2 to default.a"));
  EXPECT_EQ(target_.missed(), 0U);
}

TEST_F(ReconcilerRenameTest, ARingOfThreeWithRowsUnderWay) {
  StartWith({a_, b_, c_});
  target_.Cork();
  for (const Collection& collection : {a_, b_, c_}) {
    log_.Append(kChannel, InsertRecord(collection, {++key_}, ++ts_));
  }
  log_.Append(kChannel, TickRecord(++ts_));
  ASSERT_TRUE(Eventually([&] { return target_.corked() == 3; }));
  catalog_.Set(MakeCatalog({Named(a_, "b"), Named(b_, "c"), Named(c_, "a")}));
  target_.Uncork();
  ASSERT_TRUE(Eventually([&] { return Renames().size() == 4; }));  // one of them moves twice
  EXPECT_THAT(WriteOneRowEach({a_, b_, c_}), ElementsAre("b", "c", "a"));
  EXPECT_EQ(target_.missed(), 0U);
}

// The task stopped after it had stored the collection and before it had created it.
TEST_F(ReconcilerRenameTest, WhatIsNotMadeYetTakesItsNewName) {
  ASSERT_TRUE(store_
                  .PutCollection("t", {.id = a_.id,
                                       .source = {"default", "a"},
                                       .target = {"default", "a"},
                                       .pchannels = a_.pchannels,
                                       .created = a_.created,
                                       .skip_until = {},
                                       .on_target = true,
                                       .renamed_from = {},
                                       .partitions = {}})
                  .ok());
  catalog_.Set(MakeCatalog({Named(a_, "z")}));
  Start();
  EXPECT_TRUE(WaitForDdl("create collection default.z"));
  EXPECT_THAT(WriteOneRowEach({a_}), ElementsAre("z"));
  EXPECT_THAT(Renames(), testing::IsEmpty());
}

TEST_F(ReconcilerRenameTest, ACrashBeforeTheTargetHasRenamed) {
  StartWith({a_});
  Stop();
  RecordIntent("z");
  catalog_.Set(MakeCatalog({Named(a_, "z")}));
  Start();
  EXPECT_THAT(WriteOneRowEach({a_}), ElementsAre("z"));
  EXPECT_THAT(Renames(), ElementsAre("rename collection default.a to default.z"));
}

TEST_F(ReconcilerRenameTest, ACrashAfterTheTargetHasRenamed) {
  StartWith({a_});
  Stop();
  RecordIntent("z");
  ASSERT_TRUE(target_.Apply(RenameCollection{{"default", "a"}, {"default", "z"}}).ok());
  const Collection next = MakeCollection(9, "a", 20);
  catalog_.Set(MakeCatalog({Named(a_, "z"), next}));
  Start();
  EXPECT_THAT(WriteOneRowEach({a_, next}), ElementsAre("z", "a"));
  EXPECT_EQ(Renames().size(), 1U);  // ours, above
}

TEST_F(ReconcilerRenameTest, ADropAfterACrashTakesTheNameThatIsThere) {
  StartWith({a_});
  Stop();
  RecordIntent("z");
  catalog_.Set(MakeCatalog({}));
  Start();
  EXPECT_TRUE(WaitForDdl("drop collection default.a"));
  EXPECT_TRUE(Eventually([&] { return store_.LoadProgress("t")->collections.empty(); }));
}

TEST_F(ReconcilerRenameTest, ADropDuringARename) {
  StartWith({a_});
  target_.Cork();
  log_.Append(kChannel, InsertRecord(a_, {1}, 11));
  log_.Append(kChannel, TickRecord(12));
  ASSERT_TRUE(Eventually([&] { return target_.corked() == 1; }));
  catalog_.Set(MakeCatalog({Named(a_, "z"), b_}));
  ASSERT_TRUE(WaitForDdl("create collection default.b"));
  log_.Append(kChannel, InsertRecord(a_, {2}, 13));
  log_.Append(kChannel, TickRecord(14));
  catalog_.Set(MakeCatalog({b_}));
  target_.Uncork();
  EXPECT_TRUE(Eventually([&] {
    const auto ddls = Ddls();
    return std::count_if(ddls.begin(), ddls.end(),
                         [](const auto& text) { return text.starts_with("drop collection"); }) == 1;
  }));
  EXPECT_TRUE(WaitForCheckpoint(14));
  EXPECT_FALSE(target_.DescribeCollection({"default", "a"})->has_value());
  EXPECT_FALSE(target_.DescribeCollection({"default", "z"})->has_value());
}

TEST_F(ReconcilerRenameTest, AnAnswerThatIsLostIsLookedFor) {
  StartWith({a_});
  target_.FailNextDdl(UnavailableError("connection reset"));
  catalog_.Set(MakeCatalog({Named(a_, "z")}));
  EXPECT_TRUE(WaitForDdl("rename collection default.a to default.z"));
  EXPECT_THAT(WriteOneRowEach({a_}), ElementsAre("z"));
}

TEST_F(ReconcilerRenameTest, ATargetThatCannotRenameKeepsTheOldName) {
  StartWith({a_});
  target_.FailNextDdl({StatusCode::kUnimplemented, "what is that"});
  catalog_.Set(MakeCatalog({Named(a_, "z")}));
  ASSERT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kWaiting; }));
  EXPECT_THAT(task_->GetStatus().reason, HasSubstr("rename of default.a: "));
  EXPECT_THAT(WriteOneRowEach({a_}), ElementsAre("a"));
  EXPECT_EQ(store_.LoadProgress("t")->collections.at(0).target.collection, "a");
  catalog_.Set(MakeCatalog({a_}));
  EXPECT_TRUE(Eventually([&] { return task_->GetStatus().condition == Condition::kOk; }))
      << task_->GetStatus().reason;
}

TEST_F(ReconcilerRenameTest, ANameThatSomebodyElseHasOnTheTargetStopsTheTask) {
  StartWith({a_});
  ASSERT_TRUE(target_.Apply(PlanCreate(MakeCollection(9, "z", 1), {"default", "z"})).ok());
  catalog_.Set(MakeCatalog({Named(a_, "z")}));
  ASSERT_TRUE(Eventually([&] { return !failure().empty(); }));
  EXPECT_THAT(failure(), HasSubstr("rename collection default.a to default.z"));
  EXPECT_EQ(store_.LoadProgress("t")->collections.at(0).target.collection, "a");
}

TEST_F(ReconcilerRenameTest, ANameOfAnotherTaskStopsTheTask) {
  spec_.left_to_older = {{"default.z", {}}};
  StartWith({a_});
  catalog_.Set(MakeCatalog({Named(a_, "z")}));
  ASSERT_TRUE(Eventually([&] { return !failure().empty(); }));
  EXPECT_THAT(failure(), HasSubstr("an older task of this target"));
  EXPECT_THAT(Renames(), ElementsAre());
}

TEST_F(ReconcilerRenameTest, WhatComesIntoTheScopeByItsNewNameStopsTheTask) {
  spec_.db_collections = {{"default", {{.name = "b"}, {.name = "z"}}}};
  catalog_.Set(MakeCatalog({a_, b_}));
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.b"));
  catalog_.Set(MakeCatalog({Named(a_, "z"), b_}));
  EXPECT_TRUE(Eventually([this] { return !failure().empty(); }));
  EXPECT_THAT(failure(), HasSubstr("collection default.a has been renamed to default.z"));
  EXPECT_THAT(Ddls(), testing::Not(Contains("create collection default.z")));
}

TEST_F(ReconcilerRenameTest, WhatAnotherTaskHasBegunIsLeftToItUnderItsNewName) {
  spec_.left_to_older = {{"default.a", {}}};
  catalog_.Set(MakeCatalog({a_, b_}));
  Start();
  ASSERT_TRUE(WaitForDdl("create collection default.b"));
  catalog_.Set(MakeCatalog({Named(a_, "z"), b_, c_}));
  EXPECT_TRUE(WaitForDdl("create collection default.c"));
  EXPECT_THAT(Ddls(), testing::Not(Contains("create collection default.z")));
  EXPECT_EQ(failure(), "");
}

TEST_F(ReconcilerRenameTest, ANameThatTheTaskDoesNotCoverIsFollowedAllTheSame) {
  spec_.db_collections = {{"default", {{.name = "a"}}}};
  StartWith({a_});
  catalog_.Set(MakeCatalog({Named(a_, "z")}));
  EXPECT_TRUE(WaitForDdl("rename collection default.a to default.z"));
  Stop();
  Start();
  EXPECT_THAT(WriteOneRowEach({a_}), ElementsAre("z"));
}

TEST_F(ReconcilerRenameTest, ACollectionMovesToAnotherDatabaseWithoutItsAliases) {
  Collection aliased = a_;
  aliased.aliases = {"x"};
  StartWith({aliased});
  ASSERT_TRUE(WaitForDdl("set alias x of default.a"));
  Catalog moved = MakeCatalog({});
  moved.databases[DatabaseId{7}] = std::make_shared<Database>(Database{.id = {7}, .name = "d"});
  Collection there = a_;
  there.database = {7};
  moved.collections[a_.id] = std::make_shared<const Collection>(there);
  moved.IndexNames();
  catalog_.Set(moved);
  EXPECT_TRUE(WaitForDdl("rename collection default.a to d.a"));
  EXPECT_THAT(Ddls(), Contains("drop alias x of default.a"));
  EXPECT_THAT(WriteOneRowEach({a_}), ElementsAre("a"));
  EXPECT_EQ(target_.batches().back().batch.target.database, "d");
}

}  // namespace
}  // namespace cdc
