#include "reconcile/collection_reconciler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcile/plan/plan.h"
#include "reconcile/testing/reconcile_fixture.h"

// How collections are created, opened, renamed and dropped.
namespace cdc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using State = CollectionReconciler::State;

Collection Renamed(Collection collection, std::string name) {
  collection.name = std::move(name);
  return collection;
}

class CollectionReconcilerTest : public ReconcileTest {
 protected:
  // Starts a task that already has these collections on the target.
  void StartWith(const std::vector<Collection>& collections) {
    SetSource(collections);
    Begin();
    Settle();
    ASSERT_THAT(Stored(), SizeIs(collections.size()));
    made_ = Ddls().size();
  }

  // The changes since StartWith.
  std::vector<std::string> NewDdls() const {
    const auto all = Ddls();
    return {all.begin() + static_cast<std::ptrdiff_t>(made_), all.end()};
  }

  // Simulates a crash after a rename was recorded; `done`: after the target executed it, too.
  void CrashInRename(const std::string& to, bool done) {
    ReplicatedCollection record = Stored().at(0);
    record.renamed_from = record.target;
    record.target.collection = to;
    ASSERT_TRUE(store_.PutCollection("t", record).ok());
    if (done) {
      ASSERT_TRUE(target_.Apply(RenameCollection{*record.renamed_from, record.target}).ok());
    }
    made_ = Ddls().size();
    reconciler_.reset();
    claims_.ReleaseAll("t");
  }

  const Collection a_ = SmallCollection(1, "a");
  const Collection b_ = SmallCollection(2, "b");
  const Collection c_ = SmallCollection(3, "c");
  size_t made_ = 0;
};

// A single collection, without a scheduler.
class OneCollectionTest : public CollectionReconcilerTest {
 protected:
  OneCollectionTest()
      : scope_of_task_(spec_),
        view_(&target_,
              {.log_name = "t", .expected_identity = "", .on_connected = [](const auto&) {}}),
        databases_of_target_({.task_id = "t",
                              .store = &store_,
                              .scope = &scope_of_task_,
                              .conditions = &conditions_,
                              .target = &view_},
                             {}),
        context_{
            .task_id = "t",
            .catalog = &catalog_,
            .log = &log_,
            .store = &store_,
            .scope = &scope_of_task_,
            .gates = &gates_,
            .routes = &routes_,
            .conditions = &conditions_,
            .claims = &claims_,
            .clock = &clock_,
            .target = &view_,
            .databases = &databases_of_target_,
            .target_address = "here",
            .copies = &copies_,
            .retry = {},
            .on_collection_failed = [this](CollectionId, const Status& status) { fatal_ = status; },
            .free_name = [](CollectionId, const CollectionName&) { return OkStatus(); }},
        collection_(&context_,
                    {.id = a_.id,
                     .source = {"default", "a"},
                     .target = {"default", "a"},
                     .pchannels = a_.pchannels,
                     .created = a_.created,
                     .skip_until = {},
                     .renamed_from = {},
                     .partitions = {}},
                    false) {
    SetSource({a_});
    EXPECT_TRUE(databases_of_target_.Refresh(*catalog_.Current()).ok());
  }

  void Take(const std::vector<Collection>& collections) {
    SetSource(collections);
    collection_.UpdateSource(catalog_.Current()->Find(a_.id), *catalog_.Current());
  }

  const Scope scope_of_task_;
  TargetView view_;
  DatabaseReconciler databases_of_target_;
  const CopiesInProgress copies_{{}};
  const CollectionContext context_;
  CollectionReconciler collection_;
};

TEST_F(OneCollectionTest, IsCreatedOpenedAndDropped) {
  Take({a_});
  EXPECT_EQ(collection_.state(), State::kPreparing);
  EXPECT_FALSE(gates_.passes(a_.id));
  EXPECT_FALSE(collection_.Attempt());
  EXPECT_EQ(collection_.state(), State::kOpen);
  EXPECT_TRUE(gates_.passes(a_.id));
  EXPECT_TRUE(collection_.IsDone());
  EXPECT_TRUE(Stored().at(0).on_target && Stored().at(0).seen_on_target);

  Take({});
  routes_.SetRead(kDml, false);
  EXPECT_FALSE(collection_.Attempt());
  EXPECT_EQ(collection_.state(), State::kRemoving);
  EXPECT_TRUE(gates_.passes(a_.id));  // its last rows
  EXPECT_FALSE(gates_.seen(a_.id).discarded);
  routes_.SetRead(kDml, true);
  EXPECT_TRUE(collection_.Attempt());
  EXPECT_TRUE(gates_.seen(a_.id).discarded);
  EXPECT_THAT(Ddls(), ElementsAre("create collection default.a", "drop collection default.a"));
  EXPECT_THAT(Stored(), IsEmpty());
  collection_.CleanUp();
  EXPECT_TRUE(routes_.forgotten(a_.id) && gates_.seen(a_.id).forgotten);
}

// A crash in between must not leave behind a collection that no task knows of.
TEST_F(OneCollectionTest, IsRecordedBeforeItIsCreated) {
  Take({a_});
  target_.FailNextDdl(UnavailableError("connection reset"));
  EXPECT_FALSE(collection_.Attempt());
  EXPECT_EQ(collection_.state(), State::kPreparing);
  EXPECT_TRUE(Stored().at(0).on_target);
  EXPECT_FALSE(Stored().at(0).seen_on_target);
  EXPECT_FALSE(gates_.passes(a_.id));
}

TEST_F(OneCollectionTest, IsNotCreatedIfItCannotBeRecorded) {
  Take({a_});
  store_.FailWith(UnavailableError("disk full"));
  EXPECT_FALSE(collection_.Attempt());
  EXPECT_THAT(Ddls(), IsEmpty());
  EXPECT_FALSE(collection_.record().on_target);
  store_.FailWith(OkStatus());
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_FALSE(collection_.Attempt());
  EXPECT_TRUE(gates_.passes(a_.id));
}

TEST_F(OneCollectionTest, ARenameWaitsForCallsInFlight) {
  Take({a_});
  collection_.Attempt();
  Take({Renamed(a_, "z")});
  gates_.SetCalls(a_.id, true);
  EXPECT_FALSE(collection_.Attempt());
  EXPECT_EQ(collection_.state(), State::kRenaming);
  EXPECT_FALSE(gates_.passes(a_.id));
  EXPECT_FALSE(collection_.IsDone());
  EXPECT_THAT(Ddls(), SizeIs(1));
  gates_.SetCalls(a_.id, false);
  EXPECT_FALSE(collection_.Attempt());
  EXPECT_EQ(collection_.state(), State::kOpen);
  EXPECT_TRUE(gates_.passes(a_.id));
  EXPECT_EQ(gates_.seen(a_.id).gate->target.collection, "z");
  EXPECT_EQ(Ddls().back(), "rename collection default.a to default.z");
  EXPECT_FALSE(Stored().at(0).renamed_from.has_value());
}

TEST_F(OneCollectionTest, ARenameWithUnknownOutcomeStaysRecorded) {
  Take({a_});
  collection_.Attempt();
  Take({Renamed(a_, "z")});
  target_.FailNextDdl(UnavailableError("connection reset"));
  EXPECT_FALSE(collection_.Attempt());
  EXPECT_EQ(collection_.state(), State::kRenaming);
  EXPECT_FALSE(gates_.passes(a_.id));
  EXPECT_EQ(Stored().at(0).target.collection, "z");
  EXPECT_EQ(Stored().at(0).renamed_from->collection, "a");
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_FALSE(collection_.Attempt());
  EXPECT_TRUE(gates_.passes(a_.id));
  EXPECT_FALSE(Stored().at(0).renamed_from.has_value());
}

TEST_F(OneCollectionTest, WaitsForAnotherTaskThatWritesIt) {
  Take({a_});
  collection_.Attempt();
  collection_.ForgetTarget();
  const std::string identity = (*target_.DescribeCollection({"default", "a"}))->identity;
  claims_.ReleaseAll("t");
  ASSERT_FALSE(claims_.Claim(identity, "u").holder.has_value());
  CollectionReconciler again(&context_, collection_.record(), true);
  again.UpdateSource(catalog_.Current()->Find(a_.id), *catalog_.Current());
  EXPECT_FALSE(again.Attempt());
  EXPECT_FALSE(gates_.passes(a_.id));
  EXPECT_THAT(conditions_.Current().reason, HasSubstr("task u writes this collection"));
  // Rows that the other task may have written are upserted.
  claims_.ReleaseAll("u");
  catalog_.SetPresent({500});
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_FALSE(again.Attempt());
  EXPECT_TRUE(gates_.passes(a_.id));
  EXPECT_EQ(gates_.seen(a_.id).gate->may_hold_until, Timestamp{500});
  EXPECT_EQ(Stored().at(0).may_hold_until, Timestamp{500});
}

TEST_F(OneCollectionTest, RowsWaitUntilThoseOfAnotherTaskAreRecorded) {
  Take({a_});
  collection_.Attempt();
  ASSERT_TRUE(gates_.passes(a_.id));
  // The name has come to mean a collection that another task wrote until now.
  ASSERT_TRUE(target_.Apply(DropCollection{{"default", "a"}}).ok());
  ASSERT_TRUE(target_.Apply(PlanCreate(a_, {"default", "a"})).ok());
  const std::string identity = (*target_.DescribeCollection({"default", "a"}))->identity;
  ASSERT_FALSE(claims_.Claim(identity, "u").holder.has_value());
  claims_.ReleaseAll("u");
  catalog_.FailPresent(UnavailableError("etcd is away"));
  collection_.ForgetTarget();
  EXPECT_FALSE(collection_.Attempt());
  EXPECT_FALSE(gates_.passes(a_.id));
  catalog_.SetPresent({500});
  clock_.Advance(std::chrono::seconds(1));
  EXPECT_FALSE(collection_.Attempt());
  EXPECT_TRUE(gates_.passes(a_.id));
  EXPECT_EQ(gates_.seen(a_.id).gate->may_hold_until, Timestamp{500});
}

TEST_F(CollectionReconcilerTest, ADropWaitsForWaitingRows) {
  StartWith({a_});
  SetSource({});
  gates_.SetWaiting(a_.id, {PartitionId{1000}});
  Turn();
  EXPECT_THAT(NewDdls(), IsEmpty());
  gates_.SetWaiting(a_.id, {});
  reconciler_->OnProgress();
  Turn();
  EXPECT_THAT(NewDdls(), ElementsAre("drop collection default.a"));
}

TEST_F(CollectionReconcilerTest, ADropDoesNotWaitIfTheNameIsNeeded) {
  StartWith({a_});
  routes_.SetRead(kDml, false);
  SetSource({SmallCollection(9, "a")});
  Turn();
  EXPECT_THAT(NewDdls(), ElementsAre("drop collection default.a", "create collection default.a"));
  EXPECT_EQ(Stored().at(0).id, CollectionId{9});
}

TEST_F(CollectionReconcilerTest, APartitionIsDroppedAfterItsRows) {
  Collection with = a_;
  with.partitions.push_back({.id = {1001}, .name = "p"});
  StartWith({with});
  routes_.SetRead(kDml, false);
  SetSource({a_});
  Turn();
  EXPECT_THAT(NewDdls(), IsEmpty());
  EXPECT_TRUE(gates_.seen(a_.id).gate->partitions.contains(PartitionId{1001}));
  routes_.SetRead(kDml, true);
  Turn();
  EXPECT_THAT(NewDdls(), ElementsAre("drop partition p of default.a"));
  EXPECT_FALSE(gates_.seen(a_.id).gate->partitions.contains(PartitionId{1001}));
  EXPECT_FALSE(Stored().at(0).partitions.contains(PartitionId{1001}));
}

// The end of a task: what is dropped later stays.
TEST_F(CollectionReconcilerTest, ADropIsFollowedIfTheSourceHasNotPassedTheEnd) {
  spec_.stop_at = {2000};
  catalog_.SetPresent({2000});
  StartWith({a_});
  SetSource({});
  Settle();
  EXPECT_THAT(NewDdls(), ElementsAre("drop collection default.a"));
}

TEST_F(CollectionReconcilerTest, ADropThatMayBeLaterThanTheEndIsNotFollowed) {
  spec_.stop_at = {2000};
  catalog_.SetPresent({2001});
  StartWith({a_});
  routes_.SetRead(kDml, false);
  SetSource({});
  Settle();
  EXPECT_FALSE(routes_.forgotten(a_.id));  // its last rows are still to come
  routes_.SetRead(kDml, true);
  Settle();
  EXPECT_THAT(NewDdls(), IsEmpty());
  EXPECT_TRUE(routes_.forgotten(a_.id));
  EXPECT_TRUE(reconciler_->Progress().applied);
  EXPECT_THAT(conditions_.Current().reason, testing::HasSubstr("it is left on the target"));
  EXPECT_THAT(Stored(), testing::SizeIs(1));  // so that it is dropped if the task goes on
}

TEST_F(CollectionReconcilerTest, ARenameDoesNotDropWhatIsLeftAtTheEnd) {
  spec_.stop_at = {2000};
  catalog_.SetPresent({2001});
  StartWith({a_, b_});
  SetSource({Renamed(b_, "a")});
  Settle();
  EXPECT_THAT(NewDdls(), IsEmpty());
  EXPECT_TRUE(fatal_.ok()) << fatal_.ToString();
  EXPECT_TRUE(reconciler_->Progress().applied);
  EXPECT_TRUE(gates_.passes(b_.id));
  EXPECT_EQ(gates_.seen(b_.id).gate->target.collection, "b");
  EXPECT_THAT(Stored(), SizeIs(2));
}

TEST_F(CollectionReconcilerTest, ALateDropWaitsForTheLastRowsWhateverIsKnownOfTheTarget) {
  spec_.stop_at = {2000};
  catalog_.SetPresent({2001});
  StartWith({a_});
  reconciler_->ReinspectTarget();
  routes_.SetRead(kDml, false);
  SetSource({});
  Settle();
  EXPECT_FALSE(gates_.seen(a_.id).discarded);
  EXPECT_FALSE(routes_.forgotten(a_.id));
  routes_.SetRead(kDml, true);
  Settle();
  EXPECT_TRUE(routes_.forgotten(a_.id));
  EXPECT_THAT(NewDdls(), IsEmpty());
}

TEST_F(CollectionReconcilerTest, PartitionsAfterTheEndAreNeitherCreatedNorDropped) {
  spec_.stop_at = {2000};
  catalog_.SetPresent({2001});
  Collection with = a_;
  with.partitions.push_back({.id = {1001}, .name = "p", .created = {2000}});
  StartWith({with});
  Collection changed = a_;
  changed.partitions.push_back({.id = {1002}, .name = "late", .created = {2001}});
  SetSource({changed});
  Settle();
  EXPECT_THAT(NewDdls(), IsEmpty());
  EXPECT_TRUE(reconciler_->Progress().applied);
  EXPECT_TRUE(Stored().at(0).partitions.contains(PartitionId{1001}));
}

TEST_F(CollectionReconcilerTest, APartitionThatTheTargetLoadsByItselfIsReleasedAndDropped) {
  Collection loaded = a_;
  loaded.load = {.loaded = true, .whole_collection = true, .partitions = {{1000}}};
  loaded.indexes = {{.id = {5}, .field = {100}, .name = "by_id"}};
  StartWith({loaded});
  Collection with = loaded;
  with.load.whole_collection = false;
  with.partitions.push_back({.id = {1001}, .name = "p"});
  SetSource({with});
  Turn();
  EXPECT_THAT(NewDdls(),
              ElementsAre("create partition p of default.a", "release partitions p of default.a"));
  // Another one of the name, before anybody has looked at the target again.
  with.partitions.back().id = {1002};
  SetSource({with});
  Settle();
  SetSource({loaded});
  Settle();
  EXPECT_EQ(NewDdls().back(), "drop partition p of default.a");
  EXPECT_TRUE(fatal_.ok()) << fatal_.ToString();
}

TEST_F(CollectionReconcilerTest, ARingOfNames) {
  StartWith({a_, b_, c_});
  SetSource({Renamed(a_, "b"), Renamed(b_, "c"), Renamed(c_, "a")});
  Settle();
  EXPECT_THAT(NewDdls(), ElementsAre("rename collection default.c to default._cdc_3",
                                     "rename collection default.b to default.c",
                                     "rename collection default.a to default.b",
                                     "rename collection default._cdc_3 to default.a"));
  EXPECT_EQ(gates_.seen(a_.id).gate->target.collection, "b");
  EXPECT_EQ(gates_.seen(b_.id).gate->target.collection, "c");
  EXPECT_EQ(gates_.seen(c_.id).gate->target.collection, "a");
  EXPECT_TRUE(reconciler_->Progress().applied);
}

TEST_F(CollectionReconcilerTest, ARingWaitsForCallsOfEachCollection) {
  StartWith({a_, b_});
  gates_.SetCalls(b_.id, true);
  SetSource({Renamed(a_, "b"), Renamed(b_, "a")});
  Settle();
  EXPECT_THAT(NewDdls(), ElementsAre("rename collection default.a to default._cdc_1"));
  gates_.SetCalls(b_.id, false);
  Settle();
  EXPECT_THAT(NewDdls(), ElementsAre("rename collection default.a to default._cdc_1",
                                     "rename collection default.b to default.a",
                                     "rename collection default._cdc_1 to default.b"));
  EXPECT_TRUE(gates_.passes(a_.id) && gates_.passes(b_.id));
}

TEST_F(CollectionReconcilerTest, ACrashBeforeTheTargetRenames) {
  StartWith({a_});
  CrashInRename("z", false);
  SetSource({Renamed(a_, "z")});
  Begin();
  Settle();
  EXPECT_THAT(NewDdls(), ElementsAre("rename collection default.a to default.z"));
  EXPECT_FALSE(Stored().at(0).renamed_from.has_value());
  EXPECT_EQ(gates_.seen(a_.id).gate->target.collection, "z");
}

TEST_F(CollectionReconcilerTest, ACrashAfterTheTargetRenames) {
  StartWith({a_});
  CrashInRename("z", true);
  SetSource({Renamed(a_, "z")});
  Begin();
  Settle();
  EXPECT_THAT(NewDdls(), IsEmpty());
  EXPECT_FALSE(Stored().at(0).renamed_from.has_value());
  EXPECT_EQ(gates_.seen(a_.id).gate->target.collection, "z");
}

TEST_F(CollectionReconcilerTest, ADropAfterACrashUsesTheNameOnTheTarget) {
  StartWith({a_});
  CrashInRename("z", false);
  SetSource({});
  Begin();
  Settle();
  EXPECT_THAT(NewDdls(), ElementsAre("drop collection default.a"));
  EXPECT_THAT(Stored(), IsEmpty());
}

TEST_F(CollectionReconcilerTest, TwoNamesAfterACrashPauseTheTask) {
  StartWith({a_});
  CrashInRename("z", true);
  CreateCollection again{.name = {"default", "a"}, .schema = a_.schema, .properties = {}};
  ASSERT_TRUE(target_.Apply(again).ok());
  SetSource({Renamed(a_, "z")});
  Begin();
  Settle();
  EXPECT_THAT(fatal_.message(), HasSubstr("both names now exist"));
}

}  // namespace
}  // namespace cdc
