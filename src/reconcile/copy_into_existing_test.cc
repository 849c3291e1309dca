#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcile/plan/plan.h"
#include "reconcile/testing/reconcile_fixture.h"

// What becomes of a collection that the target has already when the source's stored rows are to be
// copied into it.
namespace cdc {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class CopyIntoExistingTest : public ReconcileTest {
 protected:
  CopyIntoExistingTest() {
    a_.indexes = {{.id = {5}, .field = {100}, .name = "by_id"}};
    target_.SetTraits({});
    EXPECT_TRUE(store_
                    .PutCollection("t", {.id = a_.id,
                                         .source = {"default", "a"},
                                         .target = {"default", "a"},
                                         .pchannels = a_.pchannels,
                                         .created = a_.created,
                                         .may_hold_until = {500}})
                    .ok());
    EXPECT_TRUE(store_.PutSnapshot("t", {.collection = a_.id}).ok());
  }

  // The target has the collection `a`, as `made`, and perhaps loaded.
  void TargetHas(const Collection& made, bool loaded) {
    Apply(PlanCreate(made, kName));
    for (const Ddl& ddl : PlanCollection(made, kName, Look(), {})) {
      Apply(ddl);
    }
    if (loaded) {
      Apply(LoadCollection{.name = kName});
    }
    made_ = Ddls().size();
  }
  void Apply(const Ddl& ddl) { ASSERT_TRUE(target_.Apply(ddl).ok()) << Describe(ddl); }
  TargetCollection Look() { return **target_.DescribeCollection(kName); }
  void StartTask() {
    SetSource({a_});
    Begin();
    Settle();
  }
  std::vector<std::string> NewDdls() const {
    const auto all = Ddls();
    return {all.begin() + static_cast<std::ptrdiff_t>(made_), all.end()};
  }

  const CollectionName kName{"default", "a"};
  Collection a_ = SmallCollection(1, "a");
  size_t made_ = 0;
};

TEST_F(CopyIntoExistingTest, OneThatIsLoadedStaysAndItsRowsAreReplaced) {
  TargetHas(a_, /*loaded=*/true);
  StartTask();
  EXPECT_THAT(NewDdls(), IsEmpty());
  EXPECT_EQ(gates_.seen(a_.id).gate->may_hold_until, Timestamp{500});
  EXPECT_EQ(Stored().at(0).may_hold_until, Timestamp{500});
  EXPECT_TRUE(Stored().at(0).seen_on_target);
}

TEST_F(CopyIntoExistingTest, ItStaysLoadedUntilTheCopyIsDone) {
  TargetHas(a_, /*loaded=*/true);
  StartTask();
  SetSource({a_});
  Settle();
  EXPECT_THAT(NewDdls(), IsEmpty()) << "the source is not loaded";
  reconciler_->OnCopied(a_.id);
  Settle();
  EXPECT_THAT(NewDdls(), ElementsAre("release collection default.a"));
  EXPECT_TRUE(fatal_.ok());
}

TEST_F(CopyIntoExistingTest, TheRestOfOneThatIsPartlyLoadedIsLoaded) {
  a_.partitions.push_back({.id = {1001}, .name = "p"});
  a_.load = {.loaded = true, .partitions = {a_.partitions[0].id}};
  TargetHas(a_, /*loaded=*/false);
  StartTask();
  EXPECT_THAT(NewDdls(), ElementsAre("load partitions p of default.a"));
  reconciler_->OnCopied(a_.id);
  Settle();
  EXPECT_EQ(NewDdls().back(), "release partitions p of default.a");
}

TEST_F(CopyIntoExistingTest, OneThatCannotBeReadIsCreatedAnew) {
  TargetHas(a_, /*loaded=*/false);
  StartTask();
  EXPECT_THAT(NewDdls(), ElementsAre("drop collection default.a", "create collection default.a"));
  reconciler_->OnCopied(a_.id);
  Settle();
  EXPECT_EQ(NewDdls().back(), "create index by_id on default.a.id");
  EXPECT_EQ(gates_.seen(a_.id).gate->may_hold_until, Timestamp{});
  EXPECT_EQ(Stored().at(0).may_hold_until, Timestamp{});
}

TEST_F(CopyIntoExistingTest, SeveralPartitionsOfAMilvusLiteAreCreatedAnew) {
  target_.SetTraits({.deletes_by = ExpressionDialect::kLite});
  a_.partitions.push_back({.id = {1001}, .name = "p"});
  TargetHas(a_, /*loaded=*/true);
  StartTask();
  ASSERT_GE(NewDdls().size(), 2U);
  EXPECT_EQ(NewDdls()[NewDdls()[0] == "drop collection default.a" ? 0 : 1],
            "drop collection default.a");
  EXPECT_EQ(Stored().at(0).may_hold_until, Timestamp{});
}

TEST_F(CopyIntoExistingTest, ACrashBetweenTheDropAndTheCreate) {
  TargetHas(a_, /*loaded=*/false);
  SetSource({a_});
  Begin();
  store_.FailWith(UnavailableError("the disk is full"));
  Turn();
  EXPECT_THAT(NewDdls(), ElementsAre("drop collection default.a"));
  store_.FailWith(OkStatus());
  reconciler_.reset();
  claims_.ReleaseAll("t");
  Begin();
  Settle();
  EXPECT_TRUE(fatal_.ok()) << fatal_.ToString();
  EXPECT_TRUE(gates_.passes(a_.id));
  EXPECT_EQ(Stored().at(0).may_hold_until, Timestamp{});
  EXPECT_EQ(NewDdls().at(1), "create collection default.a");
}

TEST_F(CopyIntoExistingTest, AReleaseInTheMiddleOfACopyDropsNothing) {
  TargetHas(a_, /*loaded=*/true);
  StartTask();
  Apply(ReleaseCollection{kName});
  reconciler_.reset();
  claims_.ReleaseAll("t");
  made_ = Ddls().size();
  Begin();
  Settle();
  EXPECT_THAT(NewDdls(), ElementsAre("load collection default.a")) << "its keys must be read";
  EXPECT_TRUE(gates_.passes(a_.id));
}

TEST_F(CopyIntoExistingTest, OneOfAnotherSchemaIsNotDropped) {
  Collection other = a_;
  other.schema.fields.push_back({.id = {101}, .name = "v", .type = DataType::kInt8});
  TargetHas(other, /*loaded=*/false);
  StartTask();
  EXPECT_THAT(NewDdls(), IsEmpty());
  EXPECT_THAT(fatal_.message(), HasSubstr("v"));
}

TEST_F(CopyIntoExistingTest, PartitionsThatOnlyTheTargetHasAreDropped) {
  Collection more = a_;
  more.partitions.push_back({.id = {1001}, .name = "kept"});
  a_ = more;
  more.partitions.push_back({.id = {1002}, .name = "foreign"});
  TargetHas(more, /*loaded=*/true);
  StartTask();
  EXPECT_THAT(NewDdls(), ElementsAre("release partitions foreign of default.a",
                                     "drop partition foreign of default.a"));
  // What somebody creates there later stays.
  reconciler_->OnCopied(a_.id);
  Settle();
  Apply(CreatePartition{kName, "theirs"});
  made_ = Ddls().size();
  reconciler_->ReinspectTarget();
  Settle();
  EXPECT_THAT(NewDdls(), IsEmpty());
}

TEST_F(CopyIntoExistingTest, ACopyOfOnePartitionLeavesTheOthersAlone) {
  a_.partitions.push_back({.id = {1001}, .name = "p"});
  ReplicatedCollection record = store_.LoadProgress("t")->collections.at(0);
  record.on_target = true;
  record.seen_on_target = true;
  ASSERT_TRUE(store_.PutCollection("t", record).ok());
  ASSERT_TRUE(
      store_.PutSnapshot("t", {.collection = a_.id, .selection = {.partitions = {"p"}}}).ok());
  Collection more = a_;
  more.partitions.push_back({.id = {1002}, .name = "foreign"});
  TargetHas(more, /*loaded=*/false);
  StartTask();
  EXPECT_THAT(NewDdls(), ElementsAre("load collection default.a")) << "its keys must be read";
  reconciler_->OnCopied(a_.id);
  Settle();
  EXPECT_EQ(NewDdls().back(), "release collection default.a") << "as on the source";
}

TEST_F(CopyIntoExistingTest, ACopyWithAFilterNeedsNothingLoaded) {
  ReplicatedCollection record = store_.LoadProgress("t")->collections.at(0);
  record.on_target = true;
  record.seen_on_target = true;
  ASSERT_TRUE(store_.PutCollection("t", record).ok());
  ASSERT_TRUE(
      store_.PutSnapshot("t", {.collection = a_.id, .selection = {.filter = "id > 1"}}).ok());
  TargetHas(a_, /*loaded=*/false);
  StartTask();
  EXPECT_THAT(NewDdls(), IsEmpty());
  EXPECT_EQ(gates_.seen(a_.id).gate->may_hold_until, Timestamp{500});
}

TEST_F(CopyIntoExistingTest, APartitionThatTheSourceIsDroppingIsNotItsOwn) {
  a_.partitions.push_back({.id = {1001}, .name = "gone"});
  TargetHas(a_, /*loaded=*/true);
  a_.partitions.back().state = ObjectState::kDropping;
  StartTask();
  EXPECT_THAT(NewDdls(), ElementsAre("release partitions gone of default.a",
                                     "drop partition gone of default.a"));
  EXPECT_FALSE(gates_.seen(a_.id).gate->partitions.contains(PartitionId{1001}));
}

TEST_F(CopyIntoExistingTest, WithoutACopyNothingOfItIsTouched) {
  EXPECT_TRUE(store_.PutSnapshot("t", {.collection = a_.id, .done = true}).ok());
  Collection more = a_;
  more.partitions.push_back({.id = {1002}, .name = "theirs"});
  TargetHas(more, /*loaded=*/false);
  StartTask();
  EXPECT_THAT(NewDdls(), IsEmpty());
  EXPECT_EQ(gates_.seen(a_.id).gate->may_hold_until, Timestamp{500});
}

}  // namespace
}  // namespace cdc
