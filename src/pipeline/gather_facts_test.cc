// What is found out for a new task, and how it is asked for.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/testing/task_pipeline_fixture.h"
#include "source/testing/fake_snapshot_source.h"

namespace cdc {
namespace {

using ::testing::HasSubstr;

class GatherFactsTest : public TaskPipelineTest {
 protected:
  // Each with two channels, whose beginning the queue has to be asked for.
  static Catalog ManyCollections(int64_t count) {
    std::vector<Collection> collections;
    for (int64_t id = 1; id <= count; ++id) {
      Collection c = MakeCollection(id, "c" + std::to_string(id), 5);
      c.pchannels.emplace_back(kOtherChannel);
      c.vchannels.push_back(std::string(kOtherChannel) + "_" + std::to_string(id) + "v1");
      for (const std::string& channel : c.pchannels) {
        c.start_positions[channel] = FakeLog::IdOf(1);
      }
      collections.push_back(std::move(c));
    }
    return MakeCatalog(std::move(collections));
  }

  static size_t CountRefusals(const PlanItems& items, const std::string& text) {
    return static_cast<size_t>(std::ranges::count_if(items, [&](const PlanItem& item) {
      return item.severity == PlanSeverity::kError && item.finding.find(text) != std::string::npos;
    }));
  }
};

TEST_F(GatherFactsTest, APlanAndACreateAgreeAndAPlanStoresNothing) {
  Collection c = MakeCollection(1, "c", 5);
  c.start_positions[kChannel] = FakeLog::IdOf(1);
  catalog_.Set(MakeCatalog({c}));
  log_.Append(kChannel, InsertRecord(c, {1}, 11));
  log_.Append(kChannel, InsertRecord(c, {2}, 12));
  const TargetInfo target = *replicator_->CheckTarget({});
  EXPECT_TRUE(FirstRefusal(replicator_->Plan(spec_, &target)).ok());
  log_.Expire(kChannel, FakeLog::IdOf(2));
  const Status refusal = FirstRefusal(replicator_->Plan(spec_, &target));
  EXPECT_EQ(refusal.code(), StatusCode::kOutOfRange);
  EXPECT_EQ(store_.LoadProgress("t")->collections.size(), 0U);
  EXPECT_EQ(replicator_->Prepare(spec_, target), refusal);
  // Without the target, too.
  EXPECT_EQ(FirstRefusal(replicator_->Plan(spec_, nullptr)), refusal);
  EXPECT_EQ(store_.LoadProgress("t")->collections.size(), 0U);
  EXPECT_EQ(target_.ddl().size(), 0U);
}

TEST_F(GatherFactsTest, APlanLooksAtTheTarget) {
  const Collection c = MakeCollection(1, "c", 5);
  catalog_.Set(MakeCatalog({c}));
  ASSERT_TRUE(target_.Apply(PlanCreate(c, {"default", "c"}, {})).ok());
  const TargetInfo target = *replicator_->CheckTarget({});
  const PlanItems items = replicator_->Plan(spec_, &target);
  EXPECT_TRUE(std::ranges::any_of(items, [](const PlanItem& item) {
    return item.finding.starts_with("exists on the target as default.c and fits");
  }));
}

TEST_F(GatherFactsTest, AQueueThatDoesNotAnswerIsAskedOnce) {
  catalog_.Set(ManyCollections(50));
  log_.FailQuestions(UnavailableError("no broker"));
  const TargetInfo target = *replicator_->CheckTarget({});
  for (const StartFrom start : {StartFrom::kEarliest, StartFrom::kLatest}) {
    spec_.start_from = start;
    const size_t before = log_.questions();
    const Status refusal = replicator_->Prepare(spec_, target);
    EXPECT_EQ(refusal.code(), StatusCode::kUnavailable);
    EXPECT_THAT(refusal.message(), HasSubstr("no broker"));
    EXPECT_EQ(log_.questions() - before, 1U);
  }
  // A plan tells it of each collection, and of the replicate channel.
  const size_t before = log_.questions();
  EXPECT_EQ(CountRefusals(replicator_->Plan(spec_, &target), "no broker"), 51U);
  EXPECT_EQ(log_.questions() - before, 1U);
}

TEST_F(GatherFactsTest, AStorageThatDoesNotAnswerIsAskedOnce) {
  FakeSnapshotSource stored;  // unavailable
  options_.snapshots = &stored;
  NewProcess();
  catalog_.Set(ManyCollections(50));
  spec_.start_from = StartFrom::kSnapshot;
  const TargetInfo target = *replicator_->CheckTarget({});
  const Status refusal = replicator_->Prepare(spec_, target);
  EXPECT_EQ(refusal.code(), StatusCode::kUnavailable);
  EXPECT_THAT(refusal.message(), HasSubstr("the stored rows of collection default.c1 cannot"));
  EXPECT_EQ(stored.asked().size(), 1U);
  EXPECT_EQ(CountRefusals(replicator_->Plan(spec_, &target), "the storage is away"), 50U);
  EXPECT_EQ(stored.asked().size(), 2U);
}

// Of a collection that is copied, a plan needs nothing but the place where the log takes over.
TEST_F(GatherFactsTest, TheBeginningOfACopiedCollectionIsNotAskedFor) {
  Collection c = MakeCollection(1, "c", 5);
  c.start_positions[kChannel] = FakeLog::IdOf(1);
  catalog_.Set(MakeCatalog({c}));
  FakeSnapshotSource stored;
  stored.Add({{c.vchannels[0], {.takeover = {.position = FakeLog::IdOf(1), .ts = {9}}}}});
  options_.snapshots = &stored;
  NewProcess();
  spec_.start_from = StartFrom::kSnapshot;
  const TargetInfo target = *replicator_->CheckTarget({});
  EXPECT_TRUE(FirstRefusal(replicator_->Plan(spec_, &target)).ok());
  EXPECT_EQ(log_.questions(), 2U);  // and the end of the replicate channel
}

// What is wrong with one collection says nothing of the next.
TEST_F(GatherFactsTest, AnErrorThatStaysIsFoundForEach) {
  catalog_.Set(ManyCollections(3));
  log_.FailQuestions(OutOfRangeError("position expired"));
  const TargetInfo target = *replicator_->CheckTarget({});
  EXPECT_EQ(CountRefusals(replicator_->Plan(spec_, &target), "read from its start"), 3U);
  EXPECT_EQ(log_.questions(), 7U);
  // Nor does it if it passes.
  log_.FailQuestions({StatusCode::kAborted, "not loaded"});
  EXPECT_EQ(CountRefusals(replicator_->Plan(spec_, &target), "not asked"), 0U);
  EXPECT_EQ(log_.questions(), 14U);
}

}  // namespace
}  // namespace cdc
