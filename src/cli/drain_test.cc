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
using Json = nlohmann::ordered_json;

constexpr uint64_t kGoal = 470'643'311'880'437'761;
constexpr uint64_t kSecond = 1000ULL << 18;

struct Drained {
  std::string phase = "waiting";
  std::vector<std::string> missing;
  std::string reason;
  std::string left;
  bool idle = false;
  uint64_t rows_above = 0;
  uint64_t until = kGoal;
};

Json DrainJson(const Drained& drain) {
  return {{"phase", drain.phase},   {"until_ts", drain.until},
          {"catalog_revision", 50}, {"missing", drain.missing},
          {"reason", drain.reason}, {"left", drain.left},
          {"idle", drain.idle},     {"channels", 2},
          {"rows_written", 1000},   {"rows_above", drain.rows_above}};
}

std::string Success(const Json& data) { return Json{{"code", 200}, {"data", data}}.dump() + "\n"; }

std::string Begun(const Drained& drain = {}) { return Success({{"drain", DrainJson(drain)}}); }

std::string Task(const Drained& drain, const std::string& state = "Running") {
  Json task = {{"task_id", "def"}, {"state", state}, {"drain", DrainJson(drain)}};
  task["checkpoint"] = {{{"channel", "dml_0"}, {"ts", kGoal + kSecond}, {"msg_id", "CgAS"}}};
  return Success({{"task", task}});
}

std::string Done(Drained drain = {}) {
  drain.phase = "done";
  return Task(drain, "Paused");
}

class DrainTest : public ::testing::Test {
 protected:
  DrainTest() {
    server_.SetAnswer("list", ListAnswer({TaskJson({.id = "abc"}), TaskJson({.id = "def"})}));
    server_.SetAnswer("drain", Begun());
  }

  ExitCode Run(DrainOptions options = {}, const std::stop_token& stop = {}) {
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

  FakeClock clock_;
  FakeApiServer server_;
  Output output_ = Output::kTable;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(DrainTest, WaitsForTheServerAndTellsWhatItWaitsFor) {
  server_.PushAnswer("get", Task({.missing = {"channel dml_0 is late", "another", "a third"}}));
  server_.PushAnswer("get", Task({.phase = "pausing"}));
  server_.PushAnswer("get", Done());
  EXPECT_EQ(Run({.timeout = std::chrono::seconds(90), .verbose = true}), ExitCode::kOk)
      << err_.str();
  EXPECT_THAT(server_.Requests("drain"),
              ElementsAre(R"({"accept_waiting":false,"task_id":"def","timeout_ms":90000})"));
  EXPECT_THAT(server_.Requests("get"), SizeIs(3));
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("drained task def, now paused\n"),
                                HasSubstr("up to    470643311880437761 (2026-"),
                                HasSubstr("1,000 written"), HasSubstr("revision 50")));
  EXPECT_THAT(err_.str(), AllOf(HasSubstr(": channel dml_0 is late; and 2 more\n"),
                                Not(HasSubstr("milvus-cdc:"))));
}

TEST_F(DrainTest, JsonTellsTheTimeAndTheStoredCheckpoints) {
  output_ = Output::kJson;
  server_.PushAnswer("get", Done());
  EXPECT_EQ(Run(), ExitCode::kOk);
  const auto json = Json::parse(out_.str());
  EXPECT_EQ(json.at("drained"), true);
  EXPECT_EQ(json.at("ts"), kGoal);
  EXPECT_EQ(json.at("checkpoint").at(0).at("ts"), kGoal + kSecond);
  EXPECT_EQ(json.at("rows_above"), 0);
  EXPECT_THAT(err_.str(), IsEmpty());
}

TEST_F(DrainTest, RowsThatCameAboveTheTimeAreTold) {
  server_.PushAnswer("get", Done({.rows_above = 25}));
  EXPECT_EQ(Run(), ExitCode::kOk);
  EXPECT_THAT(err_.str(), HasSubstr("the source is still written to: at least 25 rows"));
}

TEST_F(DrainTest, WhatIsLeftIsTold) {
  server_.PushAnswer("get", Done({.left = "aliases of db.c: refused"}));
  EXPECT_EQ(Run({.accept_waiting = true}), ExitCode::kOk);
  EXPECT_THAT(server_.Requests("drain").front(), HasSubstr(R"("accept_waiting":true)"));
  EXPECT_EQ(err_.str(), "milvus-cdc: left as it is: aliases of db.c: refused\n");
  err_.str("");
  server_.PushAnswer("get", Done({.left = "scope: nothing matches", .idle = true}));
  EXPECT_EQ(Run(), ExitCode::kOk);
  EXPECT_EQ(err_.str(), "milvus-cdc: there was nothing to drain: scope: nothing matches\n");
}

TEST_F(DrainTest, ADrainThatDoesNotSucceedTellsWhy) {
  output_ = Output::kJson;
  server_.PushAnswer(
      "get", Task({.phase = "timed_out", .missing = {"dml_1 is late"}, .reason = "not in time"}));
  EXPECT_EQ(Run(), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("cannot drain de: not in time"));
  EXPECT_EQ(Json::parse(out_.str()).at("drained"), false);
  EXPECT_EQ(Json::parse(out_.str()).at("missing"), Json({"dml_1 is late"}));
  server_.PushAnswer("get", Task({.phase = "failed", .reason = "the source stands still"}));
  EXPECT_EQ(Run(), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("cannot drain de: the source stands still"));
  server_.PushAnswer("get", Task({.phase = "cancelled"}));
  EXPECT_EQ(Run(), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("somebody has cancelled it, the task is left running"));
  server_.PushAnswer("get", Task({.phase = "done"}));
  EXPECT_EQ(Run(), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("somebody has resumed the task"));
}

TEST_F(DrainTest, WhatTheServerRefusesIsTold) {
  server_.PushAnswer("drain", R"({"code":400,"message":"fail to handle the drain request, error: )"
                              R"(the task is not running"})");
  EXPECT_EQ(Run(), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("cannot drain de: the task is not running"));
  EXPECT_EQ(Run({.id = "x"}), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("no task has the id \"x\""));
  EXPECT_THAT(server_.Requests("get"), IsEmpty());
}

TEST_F(DrainTest, OlderServer) {
  server_.PushAnswer("drain",
                     R"({"code":400,"message":"invalid 'request_type' param, can be set [x]"})");
  EXPECT_EQ(Run(), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("older than this program"));
}

TEST_F(DrainTest, ServerThatGoesAwayIsAwaited) {
  server_.PushAnswer("get", "gone");
  server_.PushAnswer("get", Done());
  EXPECT_EQ(Run(), ExitCode::kOk);
  // But not for ever.
  server_.SetAnswer("get", "gone");
  const Thread time("time", [&](const std::stop_token&) {
    EXPECT_TRUE(Eventually([&] { return server_.Requests("get").size() > 4; }));
    clock_.Advance(std::chrono::minutes(30));
  });
  EXPECT_EQ(Run({.timeout = std::chrono::minutes(30)}), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("not drained within 30 min"));
}

TEST_F(DrainTest, AServerThatWasRestartedIsAskedAgain) {
  server_.PushAnswer("get", Success({{"task", {{"task_id", "def"}, {"state", "Running"}}}}));
  server_.PushAnswer("drain", Begun());
  server_.PushAnswer("drain", Begun({.until = kGoal + kSecond}));
  server_.PushAnswer("get", Done({.until = kGoal + kSecond}));
  EXPECT_EQ(Run(), ExitCode::kOk);
  EXPECT_THAT(server_.Requests("drain"), SizeIs(2));
  EXPECT_THAT(out_.str(), HasSubstr("up to    " + std::to_string(kGoal + kSecond)));
}

TEST_F(DrainTest, ADrainOfBeforeIsNotTakenForThisOne) {
  server_.PushAnswer("get", Done({.until = kGoal - kSecond}));
  server_.PushAnswer("get", Done());
  EXPECT_EQ(Run(), ExitCode::kOk);
  EXPECT_THAT(out_.str(), HasSubstr("up to    " + std::to_string(kGoal)));
}

TEST_F(DrainTest, InterruptionCancelsItAndLeavesTheTaskRunning) {
  server_.SetAnswer("get", Task({.missing = {"dml_0 is late"}}));
  std::stop_source stop;
  const Thread interrupter("interrupter", [&](const std::stop_token&) {
    EXPECT_TRUE(Eventually([&] { return server_.Requests("get").size() > 4; }));
    stop.request_stop();
  });
  EXPECT_EQ(Run({}, stop.get_token()), ExitCode::kInterrupted);
  ASSERT_THAT(server_.Requests("drain"), SizeIs(2));
  EXPECT_EQ(server_.Requests("drain").back(), R"({"cancel":true,"task_id":"def"})");
  EXPECT_THAT(err_.str(), HasSubstr("interrupted, the task is left running"));
}

}  // namespace
}  // namespace cdc::cli
