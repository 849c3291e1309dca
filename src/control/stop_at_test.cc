#include "control/stop_at.h"

#include <chrono>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/eventually.h"
#include "base/testing/fake_clock.h"
#include "control/task_manager.h"
#include "control/testing/fake_replicator.h"
#include "metastore/testing/in_memory_meta_store.h"

namespace cdc {
namespace {

using ::testing::HasSubstr;

constexpr Timestamp kEnd{470'643'311'880'437'761};
constexpr Timestamp kLater{kEnd.value + 1};

class StopAtTest : public ::testing::Test {
 protected:
  StopAtTest()
      : manager_({.store = &store_, .replicator = &replicator_, .threads = 2, .clock = &clock_}) {
    EXPECT_TRUE(manager_.Start().ok());
    replicator_.SetPresent(SourcePresent{.ts = kLater, .catalog_revision = 50});
    replicator_.SetCatalogProgress({.revision = 50, .applied = true});
    TaskSpec spec;
    spec.id = "t1";
    spec.target.uri = "http://127.0.0.1:1";
    spec.collection_infos = {{"c", {}, false}};
    spec.stop_at = kEnd;
    Show({kEnd.value - 1}, {kEnd.value - 1});
    EXPECT_TRUE(manager_.Create(spec).ok());
  }

  void Show(Timestamp resolved, Timestamp checkpoint) {
    TaskStatus status;
    status.channels = {{.channel = "dml_0", .resolved = resolved, .checkpoint = checkpoint}};
    replicator_.SetTaskStatus("t1", std::move(status));
  }
  TaskView View() { return *manager_.Get("t1"); }
  // Lets time pass.
  bool Pauses() {
    return Eventually([&] {
      clock_.Advance(std::chrono::milliseconds(500));
      return View().record.state == TaskState::kPaused;
    });
  }
  // Lets the task be looked at some times: `seen` counts what it is asked for.
  void LookAtIt() {
    for (int i = 0; i < 20; ++i) {
      clock_.Advance(std::chrono::milliseconds(500));
      View();
    }
  }
  void Reach() {
    Show(kEnd, kEnd);
    EXPECT_TRUE(store_.SaveCheckpoints("t1", {{.channel = "dml_0", .ts = kEnd}}).ok());
    ASSERT_TRUE(Pauses());
  }

  FakeClock clock_;
  InMemoryMetaStore store_;
  FakeReplicator replicator_;
  TaskManager manager_;
};

TEST_F(StopAtTest, ATaskPausesWhenAllRowsUpToItsEndAreOnTheTarget) {
  Show(kEnd, {kEnd.value - 1});
  LookAtIt();
  EXPECT_EQ(View().record.state, TaskState::kRunning);
  Reach();
  EXPECT_THAT(View().record.reason, HasSubstr("has reached its stop_at 470643311880437761 (2026-"));
  EXPECT_FALSE(IsFailed(View().record));
  EXPECT_FALSE(replicator_.running("t1"));
}

TEST_F(StopAtTest, ATaskDoesNotPauseBeforeTheCatalogIsOnTheTarget) {
  replicator_.SetCatalogProgress({.revision = 49, .applied = true});
  Show(kEnd, kEnd);
  LookAtIt();
  EXPECT_EQ(View().record.state, TaskState::kRunning);
  replicator_.SetCatalogProgress({.revision = 50, .applied = true});
  EXPECT_TRUE(Pauses());
}

// Until the source has passed the end, a collection may still be created.
TEST_F(StopAtTest, AnIdleTaskPausesOnceTheSourceHasCertainlyPassedItsEnd) {
  TaskStatus idle;
  idle.idle = true;
  idle.condition = Condition::kWaiting;
  replicator_.SetTaskStatus("t1", idle);
  LookAtIt();
  EXPECT_EQ(View().record.state, TaskState::kRunning);
  replicator_.SetPresent(SourcePresent{.ts = CertainlyAfter(kEnd), .catalog_revision = 50});
  EXPECT_TRUE(Pauses());
}

TEST_F(StopAtTest, ATaskAtItsEndIsResumedOnlyWithAnotherOne) {
  Reach();
  const Status refused = manager_.Resume("t1").status();
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.message(), HasSubstr("resume --stop-at 0 t1"));
  EXPECT_EQ(manager_.Resume("t1", {.stop_at = kEnd}).status().code(), StatusCode::kInvalidArgument);
  ASSERT_TRUE(manager_.Resume("t1", {.stop_at = kLater}).ok());
  EXPECT_EQ(replicator_.last_started("t1").stop_at, kLater);
  ASSERT_TRUE(manager_.Pause("t1").ok());
  ASSERT_TRUE(manager_.Resume("t1", {.stop_at = Timestamp{}}).ok());
  EXPECT_EQ(replicator_.last_started("t1").stop_at, Timestamp{});
  EXPECT_EQ((*store_.ListTasks())[0].spec.stop_at, Timestamp{});
}

TEST_F(StopAtTest, ATaskKeepsItsEndOverAPause) {
  ASSERT_TRUE(manager_.Pause("t1").ok());
  ASSERT_TRUE(manager_.Resume("t1").ok());
  EXPECT_EQ(replicator_.last_started("t1").stop_at, kEnd);
  Reach();
}

TEST_F(StopAtTest, ACopyIsRefused) {
  EXPECT_THAT(
      manager_.ChangeCollections("t1", TaskManager::CollectionChange::kCopy, {{"default", "c"}})
          .message(),
      HasSubstr("later than the task's stop_at"));
}

}  // namespace
}  // namespace cdc
