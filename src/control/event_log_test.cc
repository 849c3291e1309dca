#include "control/event_log.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/eventually.h"
#include "base/testing/fake_clock.h"
#include "control/task_manager.h"
#include "control/testing/fake_replicator.h"
#include "metastore/testing/in_memory_meta_store.h"

namespace cdc {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<std::string> Texts(const std::vector<TaskEvent>& events) {
  std::vector<std::string> texts;
  for (const TaskEvent& event : events) {
    texts.push_back(std::string(TaskEventKindName(event.kind)) +
                    (event.text.empty() ? "" : " " + event.text));
  }
  return texts;
}

TaskStatus StatusOf(Condition condition, const std::string& reason) {
  TaskStatus status;
  status.condition = condition;
  status.reason = reason;
  return status;
}

TEST(EventLogTest, KeepsTheLastAndCountsAll) {
  EventLog log;
  for (size_t i = 0; i < EventLog::kMaxEvents + 5; ++i) {
    log.Add(static_cast<int64_t>(i), TaskEventKind::kStarted, "");
  }
  const std::vector<TaskEvent> events = log.After(0);
  ASSERT_THAT(events, SizeIs(EventLog::kMaxEvents));
  EXPECT_EQ(events.front().number, 6U);
  EXPECT_EQ(events.back().number, EventLog::kMaxEvents + 5);
  EXPECT_THAT(log.After(EventLog::kMaxEvents + 4), SizeIs(1));
  EXPECT_THAT(log.After(EventLog::kMaxEvents + 5), IsEmpty());
}

TEST(EventLogTest, ALongTextIsCutBetweenCharacters) {
  EventLog log;
  std::string text;
  while (text.size() < EventLog::kMaxTextBytes) {
    text += "ä";
  }
  log.Add(1, TaskEventKind::kPaused, text);
  log.Add(1, TaskEventKind::kPaused, text + "x");
  EXPECT_EQ(log.After(0)[0].text, text);
  const std::string cut = log.After(0)[1].text;
  EXPECT_LE(cut.size(), EventLog::kMaxTextBytes);
  EXPECT_TRUE(cut.ends_with("ä…")) << cut.substr(cut.size() - 8);
}

TEST(EventLogTest, AConditionIsToldWhenItChanges) {
  EventLog log;
  log.Observe(1'000, StatusOf(Condition::kOk, ""));
  EXPECT_THAT(log.After(0), IsEmpty());
  log.Observe(2'000, StatusOf(Condition::kRetrying, "write: away"));
  log.Observe(3'000, StatusOf(Condition::kRetrying, "write: away, attempt 2"));
  log.Observe(4'000, StatusOf(Condition::kRetrying, "write: away, attempt 3"));
  EXPECT_THAT(Texts(log.After(0)), ElementsAre("condition retrying: write: away"));
  log.Observe(32'000, StatusOf(Condition::kRetrying, "write: away, attempt 9"));
  log.Observe(33'000, StatusOf(Condition::kOk, ""));
  EXPECT_THAT(Texts(log.After(1)),
              ElementsAre("condition retrying: write: away, attempt 9", "condition ok"));
}

TEST(EventLogTest, CollectionsAreToldByTheirNames) {
  EventLog log;
  TaskStatus status;
  status.set_aside = {{.collection = {"db", "a"}, .reason = "schema"}};
  status.snapshots = {{.collection = {"db", "b"}}, {.collection = {"db", "old"}, .done = true}};
  log.Observe(1, status);
  log.Observe(2, status);
  EXPECT_THAT(Texts(log.After(0)), ElementsAre("set_aside db.a: schema", "copy_begun db.b"));
  status.set_aside.clear();
  status.snapshots[0].done = true;
  status.snapshots[0].rows = 12;
  log.Observe(3, status);
  log.Observe(4, status);
  EXPECT_THAT(Texts(log.After(2)), ElementsAre("taken_up db.a", "copy_ended db.b, 12 rows"));
}

TEST(EventLogTest, TheLifeOfATask) {
  FakeClock clock;
  InMemoryMetaStore store;
  FakeReplicator replicator;
  TaskSpec spec;
  spec.id = "t1";
  spec.target.uri = "http://127.0.0.1:1";
  spec.collection_infos = {{"c", {}, false}};
  const auto events = [](TaskManager& manager) {
    const Result<std::vector<TaskEvent>> found = manager.Events("t1", 0);
    EXPECT_TRUE(found.ok()) << found.status().ToString();
    return found.ok() ? Texts(*found) : std::vector<std::string>();
  };
  {
    TaskManager manager(
        {.store = &store, .replicator = &replicator, .threads = 2, .clock = &clock});
    ASSERT_TRUE(manager.Start().ok());
    ASSERT_TRUE(manager.Create(spec).ok());
    EXPECT_EQ(manager.Events("t2", 0).status().code(), StatusCode::kNotFound);
    replicator.SetTaskStatus("t1", StatusOf(Condition::kRetrying, "target: away"));
    ASSERT_TRUE(Eventually([&] {
      clock.Advance(std::chrono::milliseconds(20));
      return events(manager).size() == 3;
    }));
    ASSERT_TRUE(manager.Pause("t1").ok());
    ASSERT_TRUE(manager.Resume("t1").ok());
    EXPECT_THAT(
        events(manager),
        ElementsAre("created to http://127.0.0.1:1", "started", "condition retrying: target: away",
                    "paused manually pause through http interface", "started", "resumed"));
    replicator.FailTask("t1", "schema differs");
    EXPECT_TRUE(Eventually([&] { return events(manager).back() == "paused schema differs"; }));
    ASSERT_TRUE(manager.Resume("t1").ok());
  }
  TaskManager restarted(
      {.store = &store, .replicator = &replicator, .threads = 2, .clock = &clock});
  ASSERT_TRUE(restarted.Start().ok());
  EXPECT_TRUE(Eventually([&] { return events(restarted).size() == 2; }));
  EXPECT_THAT(events(restarted),
              ElementsAre("loaded the server was started; the task was Running", "started"));
}

}  // namespace
}  // namespace cdc
