#include "control/stop_at.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
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
constexpr Timestamp kPresent{kEnd.value + 1};  // of the source
constexpr Timestamp kLater{kEnd.value + 2};

class StopAtTest : public ::testing::Test {
 protected:
  StopAtTest()
      : manager_({.store = &store_, .replicator = &replicator_, .threads = 2, .clock = &clock_}) {
    replicator_.SetStore(&store_);
    EXPECT_TRUE(manager_.Start().ok());
    replicator_.SetPresent(SourcePresent{.ts = kPresent, .catalog_revision = 50});
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
  for (const Timestamp early : {kEnd, kPresent}) {
    EXPECT_EQ(manager_.Resume("t1", {.stop_at = early}).status().code(),
              StatusCode::kInvalidArgument);
  }
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

// What is on the target may be later than any checkpoint, but not than the source's present.
TEST_F(StopAtTest, ANewEndIsLaterThanThePresentOfTheSource) {
  ASSERT_TRUE(manager_.Pause("t1").ok());
  const Status refused = manager_.Resume("t1", {.stop_at = kPresent}).status();
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(refused.message(), HasSubstr("create a new task"));
  replicator_.SetPresent(UnavailableError("no etcd"));
  EXPECT_EQ(manager_.Resume("t1", {.stop_at = kLater}).status().code(), StatusCode::kUnavailable);
  EXPECT_EQ(View().record.spec.stop_at, kEnd);
  EXPECT_TRUE(manager_.Resume("t1", {.stop_at = kEnd}).ok()) << "it is the one that it has";
}

TEST_F(StopAtTest, NoEndWhileStoredRowsAreCopied) {
  ASSERT_TRUE(manager_.Pause("t1").ok());
  MetaStore::Progress progress;
  progress.snapshots = {{.collection = {1}}};
  ASSERT_TRUE(store_.ReplaceProgress("t1", progress).ok());
  const Status kept = manager_.Resume("t1").status();
  EXPECT_EQ(kept.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(kept.message(), HasSubstr("resume --stop-at 0 t1"));
  EXPECT_EQ(manager_.Resume("t1", {.stop_at = kLater}).status().code(), StatusCode::kFailedPrecondition);
  progress.snapshots[0].done = true;
  ASSERT_TRUE(store_.ReplaceProgress("t1", progress).ok());
  EXPECT_TRUE(manager_.Resume("t1", {.stop_at = kLater}).ok());
  progress.snapshots[0].done = false;
  ASSERT_TRUE(manager_.Pause("t1").ok());
  ASSERT_TRUE(store_.ReplaceProgress("t1", progress).ok());
  EXPECT_TRUE(manager_.Resume("t1", {.stop_at = Timestamp{}}).ok());
}

TEST_F(StopAtTest, NoEndForATaskThatCopiesWhatHasExpired) {
  TaskSpec spec;
  spec.id = "t2";
  spec.target.uri = "http://127.0.0.1:2";
  spec.collection_infos = {{"c", {}, false}};
  spec.on_expired = OnExpired::kSnapshot;
  ASSERT_TRUE(manager_.Create(spec).ok());
  ASSERT_TRUE(manager_.Pause("t2").ok());
  const Status refused = manager_.Resume("t2", {.stop_at = kLater}).status();
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(refused.message(), HasSubstr("use on_expired stop"));
}

TEST_F(StopAtTest, WhatATaskWithAnEndCoversCannotBeChanged) {
  const auto change = [this](const std::function<void(TaskSpec*)>& edit) {
    return manager_
        .ChangeTask("t1",
                    [&edit](const TaskView& /*now*/, TaskSpec* wanted) {
                      edit(wanted);
                      return OkStatus();
                    })
        .status();
  };
  ASSERT_TRUE(manager_.Pause("t1").ok());
  for (const Status& refused :
       {change([](TaskSpec* spec) { spec->collection_infos.push_back({"d", {}, false}); }),
        change([](TaskSpec* spec) { spec->start_from = StartFrom::kSnapshot; }),
        change([](TaskSpec* spec) { spec->snapshot.from = SnapshotFrom::kQuery; }),
        change([](TaskSpec* spec) { spec->on_expired = OnExpired::kSnapshot; })}) {
    EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
    EXPECT_THAT(refused.message(), HasSubstr("stop_at 0"));
  }
  EXPECT_TRUE(
      change([](TaskSpec* spec) { spec->on_collection_error = OnCollectionError::kPause; }).ok());
}

TEST_F(StopAtTest, ADrainAtTheEndNamesTheCure) {
  Reach();
  EXPECT_THAT(manager_.Drain("t1", {}).status().message(), HasSubstr("resume --stop-at 0 t1"));
}

TEST_F(StopAtTest, AnIdleTaskSeldomAsksTheSource) {
  TaskStatus idle;
  idle.idle = true;
  idle.condition = Condition::kWaiting;
  replicator_.SetTaskStatus("t1", idle);
  const auto asked = [this] { return replicator_.asked_for_present(); };
  const auto passes_until = [&](int times) {
    return Eventually([&] {
      clock_.Advance(std::chrono::milliseconds(500));
      return asked() >= times;
    });
  };
  ASSERT_TRUE(passes_until(1));
  const auto before = clock_.Now();
  ASSERT_TRUE(passes_until(3));
  EXPECT_GE(clock_.Now() - before, std::chrono::seconds(20) - std::chrono::milliseconds(500));
  replicator_.SetPresent(UnavailableError("no etcd"));
  Show(kEnd, kEnd);
  ASSERT_TRUE(passes_until(asked() + 1));
  const auto failed = clock_.Now();
  ASSERT_TRUE(passes_until(asked() + 2));
  EXPECT_GE(clock_.Now() - failed, std::chrono::seconds(20) - std::chrono::milliseconds(500));
}

TEST(StopAt, TheLastOfAllTimesIsNeverCertainlyPassed) {
  const Timestamp last{std::numeric_limits<uint64_t>::max()};
  EXPECT_EQ(CertainlyAfter({last.value - 1}), last);
}

TEST_F(StopAtTest, ACopyIsRefused) {
  EXPECT_THAT(
      manager_.ChangeCollections("t1", TaskManager::CollectionChange::kCopy, {{"default", "c"}})
          .message(),
      HasSubstr("later than the task's stop_at"));
}

}  // namespace
}  // namespace cdc
