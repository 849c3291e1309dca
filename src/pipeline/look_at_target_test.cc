// What a plan asks the target for, and when it stops asking.
#include "pipeline/look_at_target.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"
#include "pipeline/testing/task_pipeline_fixture.h"

namespace cdc {
namespace {

using ::testing::HasSubstr;

class LookAtTargetTest : public TaskPipelineTest {
 protected:
  LookAtTargetTest() {
    options_.clock = &clock_;
    options_.targets = &asked_targets_;
  }

  void AddCollections(int64_t count, const std::vector<std::string>& aliases) {
    for (int64_t id = 1; id <= count; ++id) {
      const CollectionName name{"default", "c" + std::to_string(id)};
      Collection collection = MakeCollection(id, name.collection, 5);
      for (const std::string& alias : aliases) {
        collection.aliases.push_back(alias + std::to_string(id));
      }
      facts_.collections.push_back(
          {.match = {name, std::make_shared<const Collection>(std::move(collection))},
           .target = name});
    }
  }

  // Returns `answer` from the call number `from` on, each of which takes `time`.
  void Answer(size_t from, const Status& answer, std::chrono::seconds time = {}) {
    target_.OnDescribe([this, from, answer, time](const CollectionName&) {
      clock_.Advance(time);
      return ++calls_ >= from ? answer : OkStatus();
    });
  }

  size_t Compared() const {
    return static_cast<size_t>(std::ranges::count_if(
        facts_.collections,
        [](const CollectionFacts& each) { return each.on_target && (*each.on_target).ok(); }));
  }

  FakeClock clock_;
  std::vector<TargetOptions> asked_;  // with these options
  FakeTargetFactory asked_targets_{[this](const TargetOptions& options) {
    asked_.push_back(options);
    return Result<Target*>(&target_);
  }};
  TaskFacts facts_{.catalog = std::shared_ptr<const Catalog>(std::make_shared<Catalog>())};
  size_t calls_ = 0;
};

TEST_F(LookAtTargetTest, AFrozenTargetIsWaitedForOnce) {
  AddCollections(500, {"a", "b"});
  Answer(4, DeadlineExceededError("no answer within 5 s"));
  LookAtTarget(options_, spec_, &facts_);
  EXPECT_EQ(calls_, 4U);
  EXPECT_EQ(Compared(), 1U);
  EXPECT_EQ(facts_.collections[1].on_target->status().code(), StatusCode::kDeadlineExceeded);
  EXPECT_EQ(facts_.not_compared, 498U);
  EXPECT_EQ(facts_.look_ended, DeadlineExceededError("no answer within 5 s"));
  // A plan is waited for: no call may take as long as one that changes something.
  ASSERT_EQ(asked_.size(), 1U);
  EXPECT_LE(asked_[0].ddl_timeout, std::chrono::seconds(5));
}

TEST_F(LookAtTargetTest, ACollectionWhoseAliasesAreNotKnownIsNotCompared) {
  AddCollections(3, {"a", "b"});
  Answer(2, UnavailableError("gone"));
  LookAtTarget(options_, spec_, &facts_);
  EXPECT_EQ(calls_, 2U);
  EXPECT_EQ(facts_.not_compared, 3U);
  EXPECT_EQ(facts_.look_ended, UnavailableError("gone"));
}

TEST_F(LookAtTargetTest, ASlowTargetIsNotWaitedForForever) {
  AddCollections(500, {});
  Answer(1, OkStatus(), std::chrono::seconds(4));
  LookAtTarget(options_, spec_, &facts_);
  EXPECT_LE(calls_, 20U);
  EXPECT_EQ(Compared(), calls_);
  EXPECT_EQ(facts_.not_compared, 500U - calls_);
  EXPECT_THAT(facts_.look_ended.message(), HasSubstr("took longer than"));
}

TEST_F(LookAtTargetTest, AliasesCountAmongTheLookUps) {
  AddCollections(300, {"a"});
  Answer(1, OkStatus());
  LookAtTarget(options_, spec_, &facts_);
  EXPECT_EQ(calls_, 500U);
  EXPECT_EQ(Compared(), 250U);
  EXPECT_EQ(facts_.not_compared, 50U);
  EXPECT_TRUE(facts_.look_ended.ok());
}

// What one collection is refused for says nothing of the next.
TEST_F(LookAtTargetTest, ARefusalDoesNotEndIt) {
  AddCollections(3, {});
  Answer(1, Status(StatusCode::kPermissionDenied, "not this one"));
  LookAtTarget(options_, spec_, &facts_);
  EXPECT_EQ(calls_, 3U);
  EXPECT_EQ(facts_.not_compared, 0U);
}

TEST_F(LookAtTargetTest, ACollectionOfADatabaseThatIsNotThereNeedsNoLookUp) {
  AddCollections(2, {});
  facts_.collections[1].target.database = "elsewhere";
  Answer(1, UnavailableError("gone"));
  LookAtTarget(options_, spec_, &facts_);
  EXPECT_EQ(calls_, 1U);
  ASSERT_TRUE(facts_.collections[1].on_target.has_value());
  EXPECT_TRUE(facts_.collections[1].on_target->ok());
  EXPECT_EQ(facts_.not_compared, 0U);
}

}  // namespace
}  // namespace cdc
