#include "cli/drain.h"

#include <chrono>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/testing/eventually.h"
#include "base/testing/fake_clock.h"
#include "base/thread.h"
#include "cli/testing/fake_api_server.h"

namespace cdc::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr uint64_t kGoal = 470'643'311'880'437'761;
constexpr uint64_t kSecond = 1000ULL << 18;

struct Channel {
  std::string name = "dml_0";
  uint64_t resolved = kGoal;
  uint64_t checkpoint = kGoal;
  int64_t tick_age_ms = 100;
  uint64_t waiting = 0;  // rows, and bytes
};

struct Task {
  std::string state = "Running";
  std::string condition = "ok";
  std::string reason;
  bool idle = false;
  int64_t revision = 50;
  bool applied = true;
  std::vector<Channel> channels = {{}};
  uint64_t written = 1000;
  bool present = false;
};

std::string Answer(const Task& task) {
  nlohmann::ordered_json json = {
      {"state", task.state},
      {"task_id", "def"},
      {"condition", {{"state", task.condition}, {"reason", task.reason}}},
      {"rows", {{"inserted", task.written}, {"upserted", 0}, {"deleted", 0}}},
      {"rows_waiting", 0},
      {"catalog",
       {{"revision", task.revision}, {"applied", task.applied}, {"pending", {"collection db.c"}}}},
      {"checkpoint", nlohmann::json::array()},
      {"channels", nlohmann::json::array()}};
  for (const Channel& channel : task.channels) {
    json["checkpoint"].push_back(
        {{"channel", channel.name}, {"ts", channel.checkpoint}, {"msg_id", "CgAS"}});
    json["channels"].push_back({{"channel", channel.name},
                                {"resolved_ts", channel.resolved},
                                {"tick_age_ms", channel.tick_age_ms},
                                {"rows_waiting", channel.waiting},
                                {"bytes_waiting", channel.waiting}});
  }
  if (task.idle) {
    json["condition"]["idle"] = true;
  }
  if (task.state == "Paused") {
    json["catalog"] = nullptr;
  }
  if (task.present) {
    json["present"] = {{"ts", kGoal}, {"time_ms", kGoal >> 18}, {"catalog_revision", 50}};
  }
  return R"({"code":200,"data":{"task":)" + json.dump() + "}}\n";
}

class DrainTest : public ::testing::Test {
 protected:
  DrainTest() {
    server_.SetAnswer("list", ListAnswer({TaskJson({.id = "abc"}), TaskJson({.id = "def"})}));
    server_.SetAnswer("pause", "{\"code\":200}\n");
  }

  // The answers to the two requests at the beginning.
  void PushBegin(const Task& task = {.revision = 40, .channels = {{.resolved = 1}}}) {
    server_.PushAnswer("get", Answer(task));
    Task with_present = task;
    with_present.present = true;
    server_.PushAnswer("get", Answer(with_present));
  }
  void Push(const Task& task) { server_.PushAnswer("get", Answer(task)); }
  void PushPaused(uint64_t checkpoint = kGoal, uint64_t written = 1000) {
    Push({.state = "Paused",
          .condition = "paused",
          .channels = {{.checkpoint = checkpoint}},
          .written = written});
  }

  ExitCode Run(DrainOptions options = {}, std::stop_token stop = {}) {
    if (options.id.empty()) {
      options.id = "de";
    }
    const Result<ServerAddress> address = ParseServerAddress(server_.url());
    const ApiClient client(*address);
    const Console console{.out = &out_,
                          .err = &err_,
                          .terminal = [] { return std::nullopt; },
                          .environment = [](const char*) { return std::nullopt; }};
    options.interval = std::chrono::milliseconds(1);
    return Drain({.client = client, .console = console, .output = output_, .clock = &clock_},
                 options, stop);
  }

  // The timeout passes after a few status requests.
  ExitCode RunUntilTheTimeout() {
    const std::chrono::milliseconds timeout = std::chrono::minutes(30);
    const Thread time("time", [&](const std::stop_token&) {
      EXPECT_TRUE(Eventually([&] { return server_.Requests("get").size() > 4; }));
      clock_.Advance(timeout);
    });
    return Run({.timeout = timeout});
  }

  FakeClock clock_;
  FakeApiServer server_;
  Output output_ = Output::kText;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(DrainTest, WaitsForCatalogReadingAndWritingThenPauses) {
  PushBegin();
  Push({.revision = 49});
  Push({.applied = false});
  Push({.channels = {{}, {.name = "dml_1", .resolved = kGoal - 1}}});
  Push({.channels = {{}, {.name = "dml_1", .checkpoint = kGoal - 1, .waiting = 7}}});
  Push({.condition = "retrying", .reason = "write: rate limit"});
  Push({});
  PushPaused(kGoal + 5);
  EXPECT_EQ(Run({.verbose = true}), ExitCode::kOk) << err_.str();
  EXPECT_THAT(server_.Requests("get"), SizeIs(9));
  EXPECT_EQ(server_.Requests("get")[1], R"({"present":true,"task_id":"def"})");
  EXPECT_THAT(server_.Requests("pause"), ElementsAre(R"({"task_id":"def"})"));
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("drained task def, now paused\n"),
                                HasSubstr("up to    470643311880437761 (2026-"),
                                HasSubstr("1,000 written"), HasSubstr("revision 50")));
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("read up to revision 49, it was at 50"),
                                Not(HasSubstr("milvus-cdc:"))));
}

TEST_F(DrainTest, JsonTellsTheTimeAndTheStoredCheckpoints) {
  output_ = Output::kJson;
  PushBegin();
  Push({});
  PushPaused(kGoal + kSecond);
  EXPECT_EQ(Run(), ExitCode::kOk);
  const auto json = nlohmann::json::parse(out_.str());
  EXPECT_EQ(json.at("drained"), true);
  EXPECT_EQ(json.at("ts"), kGoal);
  EXPECT_EQ(json.at("checkpoint").at(0).at("ts"), kGoal + kSecond);
  EXPECT_EQ(json.at("rows_above"), 0);
  EXPECT_THAT(err_.str(), IsEmpty());
}

TEST_F(DrainTest, RowsThatCameAboveTheTimeAreTold) {
  PushBegin();
  Push({.written = 1000});
  PushPaused(kGoal + kSecond, 1025);
  EXPECT_EQ(Run(), ExitCode::kOk);
  EXPECT_THAT(err_.str(), HasSubstr("the source is still written to: at least 25 rows"));
}

TEST_F(DrainTest, AfterTheTimeoutItSaysWhatIsMissingAndLeavesTheTaskRunning) {
  output_ = Output::kJson;
  PushBegin();
  server_.SetAnswer(
      "get", Answer({.channels = {{}, {.name = "dml_1", .checkpoint = kGoal - 1, .waiting = 7}}}));
  EXPECT_EQ(RunUntilTheTimeout(), ExitCode::kRefused);
  EXPECT_THAT(err_.str(),
              AllOf(HasSubstr("not drained within 30 min"), HasSubstr("the task is left running"),
                    HasSubstr("channel dml_1 is on the target up to"), HasSubstr("7 rows wait"),
                    Not(HasSubstr("dml_0"))));
  EXPECT_EQ(nlohmann::json::parse(out_.str()).at("drained"), false);
  EXPECT_THAT(server_.Requests("pause"), IsEmpty());
}

TEST_F(DrainTest, WhatTheTargetRefusesIsLeftSoIfItIsAccepted) {
  const Task refused{.condition = "waiting", .reason = "aliases of db.c: refused"};
  PushBegin();
  server_.SetAnswer("get", Answer(refused));
  EXPECT_EQ(RunUntilTheTimeout(), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("missing: the task is waiting: aliases of db.c: refused"));
  err_.str("");
  PushBegin();
  Push({.condition = "retrying", .reason = "write: rate limit"});
  Push(refused);
  PushPaused();
  EXPECT_EQ(Run({.accept_waiting = true}), ExitCode::kOk);
  EXPECT_EQ(err_.str(), "milvus-cdc: left as it is: aliases of db.c: refused\n");
}

TEST_F(DrainTest, ATaskThatCoversNothingIsDrainedAndSaysSo) {
  const Task idle{.condition = "waiting",
                  .reason = "scope: no collection of the source matches \"d.*\" yet",
                  .idle = true,
                  .channels = {}};
  PushBegin(idle);
  Push(idle);
  Push({.state = "Paused", .channels = {}});
  EXPECT_EQ(Run({}), ExitCode::kOk);
  EXPECT_EQ(err_.str(),
            "milvus-cdc: there was nothing to drain: scope: no collection of the source matches "
            "\"d.*\" yet\n");
}

TEST_F(DrainTest, SourceThatStandsStillIsNamedWithItsLastTime) {
  PushBegin();
  server_.SetAnswer("get", Answer({.channels = {{.resolved = kGoal - kSecond,
                                                 .checkpoint = kGoal - kSecond,
                                                 .tick_age_ms = 20'000}}}));
  EXPECT_EQ(Run(), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("the source stands still: channel dml_0"),
                                HasSubstr("`milvus-cdc task pause def`"),
                                HasSubstr(std::to_string(kGoal - kSecond))));
  EXPECT_THAT(server_.Requests("pause"), IsEmpty());
}

TEST_F(DrainTest, SourceThatMayComeBackIsAwaitedUntilTheTimeout) {
  PushBegin();
  server_.SetAnswer("get", Answer({.condition = "retrying",
                                   .reason = "channel dml_0: broker away",
                                   .channels = {{.resolved = 1, .tick_age_ms = 20'000}}}));
  EXPECT_EQ(RunUntilTheTimeout(), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("missing: the task is retrying: channel dml_0: broker"),
                                HasSubstr("`milvus-cdc task pause def`")));
}

TEST_F(DrainTest, TicksThatAreOldBecauseRowsWaitAreNotTheSourcesFault) {
  PushBegin();
  Push({.channels = {{.resolved = 1, .tick_age_ms = 60'000, .waiting = 5}}});
  Push({});
  PushPaused();
  EXPECT_EQ(Run(), ExitCode::kOk);
}

TEST_F(DrainTest, SourceThatDoesNotAnswer) {
  Push({.channels = {{.checkpoint = kGoal - kSecond}}});
  server_.PushAnswer("get", R"({"code":500,"message":"fail to handle the get request, error: )"
                            R"(etcd: no endpoint answers"})");
  EXPECT_EQ(Run(), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("the source does not tell where it is: etcd: no"),
                                HasSubstr("`milvus-cdc task pause def`"),
                                HasSubstr(std::to_string(kGoal - kSecond))));
}

TEST_F(DrainTest, TaskThatDoesNotRunNamesTheCure) {
  Push({.state = "Paused", .condition = "paused", .reason = "schema differs"});
  EXPECT_EQ(Run(), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("is not running, it is Paused (schema differs)"),
                                HasSubstr("`milvus-cdc task resume def` and drain again")));
  // While it is waiting.
  PushBegin();
  Push({.condition = "failed", .reason = "position expired"});
  EXPECT_EQ(Run(), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("the task has failed: position expired"));
  EXPECT_EQ(Run({.id = "x"}), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("no task has the id \"x\""));
  EXPECT_THAT(server_.Requests("pause"), IsEmpty());
}

TEST_F(DrainTest, CheckpointThatWasNotStoredIsAnError) {
  PushBegin();
  Push({});
  PushPaused(kGoal - kSecond);
  EXPECT_EQ(Run(), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("the stored checkpoint of channel dml_0"),
                                HasSubstr("`milvus-cdc task resume def` and drain again")));
  EXPECT_THAT(out_.str(), IsEmpty());
}

TEST_F(DrainTest, ServerThatGoesAwayIsAwaited) {
  PushBegin();
  server_.PushAnswer("get", "gone");
  Push({});
  PushPaused();
  EXPECT_EQ(Run(), ExitCode::kOk);
}

TEST_F(DrainTest, OlderServer) {
  Push({});
  Push({});
  EXPECT_EQ(Run(), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("older than this program"));
}

TEST_F(DrainTest, InterruptionLeavesTheTaskRunning) {
  PushBegin();
  server_.SetAnswer("get", Answer({.applied = false}));
  std::stop_source stop;
  const Thread interrupter("interrupter", [&](const std::stop_token&) {
    EXPECT_TRUE(Eventually([&] { return server_.Requests("get").size() > 4; }));
    stop.request_stop();
  });
  EXPECT_EQ(Run({}, stop.get_token()), ExitCode::kInterrupted);
  EXPECT_THAT(server_.Requests("pause"), IsEmpty());
}

}  // namespace
}  // namespace cdc::cli
