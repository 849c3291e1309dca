// TaskManager::Resume with positions.
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/task_manager.h"
#include "control/testing/fake_replicator.h"
#include "metastore/testing/in_memory_meta_store.h"

namespace cdc {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class ResumeAtPositionsTest : public ::testing::Test {
 protected:
  ResumeAtPositionsTest() {
    replicator_.SetNotes(
        {{.collection = {"default", "c"}, .what = ScopeNote::What::kMoved, .rows = "come again"}});
    EXPECT_TRUE(manager_.Start().ok());
    TaskSpec spec;
    spec.id = "t";
    spec.target.uri = "http://127.0.0.1:1";
    spec.collection_infos = {{.name = "c"}};
    EXPECT_TRUE(manager_.Create(spec).ok());
    EXPECT_TRUE(manager_.Pause("t").ok());
  }

  static ResumeOptions Options(bool force) {
    GivenPositions given{.collection = {7}, .places = {{"dml_0_7v0", {.position = {"x"}}}}};
    return {.positions = {{{"default", "c"}, std::move(given)}}, .force = force};
  }

  InMemoryMetaStore store_;
  FakeReplicator replicator_;
  TaskManager manager_{{.store = &store_, .replicator = &replicator_}};
};

TEST_F(ResumeAtPositionsTest, TheyAreTakenOverAndThenItGoesOn) {
  ResumeOptions options = Options(true);
  options.stop_at = Timestamp{99};
  const auto notes = manager_.Resume("t", options);
  ASSERT_TRUE(notes.ok()) << notes.status().ToString();
  ASSERT_THAT(*notes, SizeIs(1));
  EXPECT_EQ((*notes)[0].rows, "come again");
  EXPECT_EQ(replicator_.last_places().at({"default", "c"}).collection, CollectionId{7});
  EXPECT_EQ(replicator_.last_repositioned().stop_at, Timestamp{99}) << "places are before it";
  EXPECT_TRUE(replicator_.running("t"));
  const auto events = manager_.Events("t", 0);
  ASSERT_TRUE(events.ok());
  EXPECT_EQ(events->back().text, "default.c: come again");
}

TEST_F(ResumeAtPositionsTest, WithoutForceItStaysPaused) {
  const Status refused = manager_.Resume("t", Options(false)).status();
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_FALSE(replicator_.running("t"));
  EXPECT_EQ(manager_.Get("t")->record.state, TaskState::kPaused);
  EXPECT_TRUE(manager_.Resume("t")->empty());
}

TEST_F(ResumeAtPositionsTest, AStartThatFailsSaysThatTheyAreTakenOver) {
  replicator_.SetStartStatus("t", UnavailableError("no route"));
  EXPECT_THAT(manager_.Resume("t", Options(true)).status().message(),
              HasSubstr("no route; its positions are taken over, resume it without them"));
}

}  // namespace
}  // namespace cdc
