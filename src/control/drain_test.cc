#include "control/drain.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/eventually.h"
#include "base/testing/fake_clock.h"
#include "control/drain_goal.h"
#include "control/task_manager.h"
#include "control/testing/fake_replicator.h"
#include "metastore/testing/in_memory_meta_store.h"

namespace cdc {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr Timestamp kGoal{470'643'311'880'437'761};
constexpr uint64_t kSecond = 1000ULL << 18;

class DrainTest : public ::testing::Test {
 protected:
  DrainTest()
      : manager_({.store = &store_, .replicator = &replicator_, .threads = 2, .clock = &clock_}) {
    EXPECT_TRUE(manager_.Start().ok());
    TaskSpec spec;
    spec.id = "t1";
    spec.target.uri = "http://127.0.0.1:1";
    spec.collection_infos = {{"c", {}, false}};
    EXPECT_TRUE(manager_.Create(spec).ok());
    replicator_.SetPresent(SourcePresent{.ts = kGoal, .catalog_revision = 50});
    Show(Reached());
    ShowCatalog({.revision = 50, .applied = true});
    Store(kGoal);
  }

  ChannelStatus Channel(const std::string& name, Timestamp ts) {
    return {.channel = name,
            .resolved = ts,
            .checkpoint = ts,
            .position = {},
            .last_tick_unix_ms = clock_.UnixMs()};
  }
  TaskStatus Reached() {
    TaskStatus status;
    status.channels = {Channel("dml_0", kGoal)};
    return status;
  }
  TaskStatus Behind() {
    TaskStatus status;
    status.channels = {Channel("dml_0", kGoal), Channel("dml_1", {kGoal.value - 1})};
    return status;
  }
  void Show(TaskStatus status) { replicator_.SetTaskStatus("t1", std::move(status)); }
  void ShowCatalog(CatalogProgress progress) { replicator_.SetCatalogProgress(progress); }
  void Store(Timestamp ts) {
    EXPECT_TRUE(store_.SaveCheckpoints("t1", {{.channel = "dml_0", .ts = ts}}).ok());
  }

  Status Begin(DrainOptions options = {}) { return manager_.Drain("t1", options).status(); }
  TaskView View() {
    Result<TaskView> view = manager_.Get("t1");
    EXPECT_TRUE(view.ok()) << view.status().ToString();
    return view.ok() ? *std::move(view) : TaskView();
  }
  DrainStatus Shown() { return View().drain.value_or(DrainStatus()); }

  // Lets time pass.
  bool Sees(const std::function<bool(const DrainStatus&)>& condition) {
    return Eventually([&] {
      clock_.Advance(std::chrono::milliseconds(1));
      return condition(Shown());
    });
  }
  bool SeesPhase(DrainPhase phase) {
    return Sees([phase](const DrainStatus& drain) { return drain.phase == phase; });
  }
  bool SeesMissing(const std::string& text) {
    return Sees([&text](const DrainStatus& drain) {
      return Summarize(drain.missing).find(text) != std::string::npos;
    });
  }

  FakeClock clock_;
  InMemoryMetaStore store_;
  FakeReplicator replicator_;
  TaskManager manager_;
};

TEST_F(DrainTest, WaitsForCatalogReadingAndWritingThenPauses) {
  ShowCatalog({.revision = 49, .applied = true});
  ASSERT_TRUE(Begin().ok());
  EXPECT_TRUE(SeesMissing("read up to revision 49, it was at 50"));
  ShowCatalog({.revision = 50, .applied = false, .pending = {"collection db.c"}});
  EXPECT_TRUE(SeesMissing("catalog are under way: collection db.c"));
  ShowCatalog({.revision = 50, .applied = true});
  TaskStatus status = Behind();
  Show(status);
  EXPECT_TRUE(SeesMissing("channel dml_1 is read up to"));
  status.channels[1].resolved = kGoal;
  status.channels[1].rows_waiting = 7;
  Show(status);
  EXPECT_TRUE(SeesMissing("channel dml_1 is on the target up to"));
  EXPECT_THAT(Summarize(Shown().missing), AllOf(HasSubstr("7 rows wait"), Not(HasSubstr("dml_0"))));
  status = Reached();
  status.condition = Condition::kRetrying;
  status.reason = "write: rate limit";
  Show(status);
  EXPECT_TRUE(SeesMissing("the task is retrying: write: rate limit"));
  EXPECT_TRUE(replicator_.running("t1"));
  Show(Reached());
  ASSERT_TRUE(SeesPhase(DrainPhase::kDone)) << Shown().reason;
  const TaskView view = View();
  EXPECT_EQ(view.record.state, TaskState::kPaused);
  EXPECT_THAT(view.record.reason, HasSubstr("drained up to 470643311880437761 (2026-"));
  EXPECT_FALSE(IsFailed(view.record));
  EXPECT_EQ(Shown().goal.ts, kGoal);
  EXPECT_EQ(Shown().channels, 1U);
  EXPECT_THAT(Shown().missing, IsEmpty());
  EXPECT_EQ(Shown().left, "");
}

TEST_F(DrainTest, RowsThatCameAboveTheTimeAreCounted) {
  TaskStatus status = Reached();
  status.counts.collections[CollectionId{1}].rows.written.inserts = 1000;
  status.rows_waiting = 25;  // of a later time
  Show(status);
  ASSERT_TRUE(Begin().ok());
  ASSERT_TRUE(SeesPhase(DrainPhase::kDone));
  EXPECT_EQ(Shown().rows_written, 1000U);
  EXPECT_EQ(Shown().rows_above, 25U);
}

TEST_F(DrainTest, AfterTheTimeoutTheTaskIsLeftRunning) {
  TaskStatus status = Behind();
  status.channels[1].last_tick_unix_ms = 0;  // its age is not known: the source may be alive
  Show(status);
  ASSERT_TRUE(Begin({.timeout = std::chrono::minutes(30)}).ok());
  EXPECT_TRUE(SeesMissing("dml_1"));
  EXPECT_EQ(Shown().phase, DrainPhase::kWaiting);
  clock_.Advance(std::chrono::minutes(30));
  ASSERT_TRUE(SeesPhase(DrainPhase::kTimedOut));
  EXPECT_THAT(Shown().reason, HasSubstr("not drained within 30 min 0 s, the task is left running"));
  EXPECT_EQ(View().record.state, TaskState::kRunning);
}

TEST_F(DrainTest, WithoutAnyTimeItLooksOnce) {
  Show(Behind());
  ASSERT_TRUE(Begin({.timeout = std::chrono::milliseconds(0)}).ok());
  ASSERT_TRUE(SeesPhase(DrainPhase::kTimedOut));
  EXPECT_THAT(Shown().reason, AllOf(HasSubstr("not drained within 0 ms, the task is left running; "
                                              "missing: channel dml_1 is read up to"),
                                    Not(HasSubstr("pause"))));
  Show(Reached());
  ASSERT_TRUE(Begin({.timeout = std::chrono::milliseconds(0)}).ok());
  EXPECT_TRUE(SeesPhase(DrainPhase::kDone));
}

TEST_F(DrainTest, WhatTheTargetRefusesIsLeftSoIfItIsAccepted) {
  TaskStatus status = Reached();
  status.condition = Condition::kWaiting;
  status.reason = "aliases of db.c: refused";
  Show(status);
  ASSERT_TRUE(Begin().ok());
  EXPECT_TRUE(SeesMissing("the task is waiting: aliases of db.c: refused"));
  ASSERT_TRUE(Begin({.accept_waiting = true}).ok());
  ASSERT_TRUE(SeesPhase(DrainPhase::kDone));
  EXPECT_EQ(Shown().left, "aliases of db.c: refused");
  EXPECT_FALSE(Shown().idle);
}

TEST_F(DrainTest, ATaskThatCoversNothingIsDrainedAndSaysSo) {
  TaskStatus status;
  status.condition = Condition::kWaiting;
  status.idle = true;
  status.reason = "scope: nothing matches";
  Show(status);
  ASSERT_TRUE(Begin().ok());
  ASSERT_TRUE(SeesPhase(DrainPhase::kDone));
  EXPECT_EQ(Shown().left, "scope: nothing matches");
  EXPECT_TRUE(Shown().idle);
}

TEST_F(DrainTest, ASourceThatStandsStillIsNamedWithItsLastTime) {
  TaskStatus status;
  status.channels = {Channel("dml_0", {kGoal.value - kSecond})};
  status.channels[0].last_tick_unix_ms = clock_.UnixMs() - 20'000;
  Show(status);
  ASSERT_TRUE(Begin().ok());
  ASSERT_TRUE(SeesPhase(DrainPhase::kFailed));
  EXPECT_THAT(Shown().reason, AllOf(HasSubstr("the source stands still: channel dml_0"),
                                    HasSubstr("`milvus-cdc task pause t1`"),
                                    HasSubstr(std::to_string(kGoal.value - kSecond))));
  EXPECT_EQ(View().record.state, TaskState::kRunning);
  // Unless rows wait on our side, or it may come back.
  for (const bool waiting : {true, false}) {
    status.channels[0].bytes_waiting = waiting ? 5 : 0;
    status.condition = waiting ? Condition::kOk : Condition::kRetrying;
    Show(status);
    ASSERT_TRUE(Begin({.timeout = std::chrono::milliseconds(0)}).ok());
    ASSERT_TRUE(SeesPhase(DrainPhase::kTimedOut));
    EXPECT_EQ(Shown().reason.find("if the source is gone for good") != std::string::npos, !waiting);
  }
}

TEST_F(DrainTest, ASourceThatDoesNotAnswer) {
  replicator_.SetPresent(UnavailableError("etcd: no endpoint answers"));
  const Status status = Begin();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(status.message(),
              AllOf(HasSubstr("the source does not tell where it is: etcd: no endpoint"),
                    HasSubstr("`milvus-cdc task pause t1`"),
                    HasSubstr("everything up to " + std::to_string(kGoal.value))));
  EXPECT_FALSE(View().drain.has_value());
}

TEST_F(DrainTest, ATaskThatDoesNotRunNamesTheCure) {
  ASSERT_TRUE(manager_.Pause("t1").ok());
  const Status status = Begin();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("is not running, it is Paused (manually pause"),
                                      HasSubstr("`milvus-cdc task resume t1` and drain again")));
  EXPECT_EQ(manager_.Drain("t2", {}).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(manager_.CancelDrain("t2").code(), StatusCode::kNotFound);
}

TEST_F(DrainTest, ATaskThatIsPausedMeanwhileIsNotDrained) {
  Show(Behind());
  ASSERT_TRUE(Begin().ok());
  EXPECT_TRUE(SeesMissing("dml_1"));
  replicator_.FailTask("t1", "position expired");
  ASSERT_TRUE(SeesPhase(DrainPhase::kFailed));
  EXPECT_THAT(Shown().reason, HasSubstr("it is Paused (position expired)"));
}

TEST_F(DrainTest, ACheckpointThatWasNotStoredIsAnError) {
  Store({kGoal.value - kSecond});
  ASSERT_TRUE(Begin().ok());
  ASSERT_TRUE(SeesPhase(DrainPhase::kFailed));
  EXPECT_THAT(Shown().reason, AllOf(HasSubstr("the stored checkpoint of channel dml_0"),
                                    HasSubstr("`milvus-cdc task resume t1` and drain again")));
}

TEST_F(DrainTest, APauseThatCannotBeStoredIsAnError) {
  Show(Behind());
  ASSERT_TRUE(Begin().ok());
  store_.FailWith(UnavailableError("disk full"));
  Show(Reached());
  ASSERT_TRUE(SeesPhase(DrainPhase::kFailed));
  EXPECT_THAT(Shown().reason, AllOf(HasSubstr("but the pause failed"), HasSubstr("disk full")));
  EXPECT_EQ(View().record.state, TaskState::kRunning);
}

TEST_F(DrainTest, ACancelledDrainLeavesTheTaskRunning) {
  EXPECT_EQ(manager_.CancelDrain("t1").message(), "there is no drain to cancel, task_id: t1");
  Show(Behind());
  ASSERT_TRUE(Begin().ok());
  ASSERT_TRUE(manager_.CancelDrain("t1").ok());
  EXPECT_EQ(Shown().phase, DrainPhase::kCancelled);
  EXPECT_THAT(manager_.CancelDrain("t1").message(), HasSubstr("the last one is cancelled"));
  // What was there for it does not pause the task, and a new one is not cancelled.
  Show(Reached());
  EXPECT_TRUE(replicator_.running("t1"));
  ASSERT_TRUE(Begin().ok());
  EXPECT_TRUE(SeesPhase(DrainPhase::kDone));
}

TEST_F(DrainTest, ASecondRequestMovesTheGoal) {
  Show(Behind());
  ASSERT_TRUE(Begin().ok());
  const Timestamp later{kGoal.value + kSecond};
  replicator_.SetPresent(SourcePresent{.ts = later, .catalog_revision = 60});
  ASSERT_TRUE(Begin().ok());
  EXPECT_EQ(Shown().goal.ts, later);
  ShowCatalog({.revision = 60, .applied = true});
  Show(Reached());  // which is enough for the first only
  EXPECT_TRUE(SeesMissing("channel dml_0 is read up to"));
  TaskStatus status;
  status.channels = {Channel("dml_0", later)};
  Store(later);
  Show(status);
  EXPECT_TRUE(SeesPhase(DrainPhase::kDone)) << Shown().reason;
}

TEST_F(DrainTest, ASecondRequestNeverLowersTheGoal) {
  Show(Behind());
  ASSERT_TRUE(Begin().ok());
  // It has read the source before the first one did.
  replicator_.SetPresent(SourcePresent{.ts = {kGoal.value - kSecond}, .catalog_revision = 40});
  ASSERT_TRUE(Begin().ok());
  EXPECT_EQ(Shown().goal.ts, kGoal);
  EXPECT_EQ(Shown().goal.catalog_revision, 50);
}

TEST_F(DrainTest, ADryRunIsNeverSynced) {
  TaskView view = View();
  view.record.spec.dry_run = true;
  EXPECT_THAT(MissingUpTo(view, kGoal), ElementsAre(HasSubstr("is a dry run")));
  EXPECT_THAT(CheckRuns(view).message(), HasSubstr("nothing to drain"));
  view.record.spec.dry_run = false;
  view.status.dry_run = true;  // all tasks of the server are
  EXPECT_THAT(MissingUpTo(view, kGoal), ElementsAre(HasSubstr("is a dry run")));
  EXPECT_THAT(CheckRuns(view).message(), HasSubstr("nothing to drain"));
}

TEST_F(DrainTest, WhatIsMissingUpToATime) {
  EXPECT_THAT(MissingUpTo(View(), kGoal), IsEmpty());
  EXPECT_THAT(MissingUpTo(View(), {kGoal.value + 1}),
              ElementsAre(HasSubstr("channel dml_0 is on the target up to")));
  ShowCatalog({.revision = 50, .applied = false});
  TaskStatus status = Reached();
  status.snapshots = {{.collection = {"db", "a"}, .done = false},
                      {.collection = {"db", "b"}, .done = true}};
  status.set_aside = {{.collection = {"db", "c"}, .reason = "why"}};
  Show(status);
  EXPECT_THAT(MissingUpTo(View(), kGoal),
              ElementsAre(HasSubstr("catalog are under way"), HasSubstr("db.c is set aside: why"),
                          HasSubstr("stored rows of db.a")));
}

}  // namespace
}  // namespace cdc
