#include "cli/events.h"

#include <chrono>
#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/eventually.h"
#include "base/thread.h"
#include "cli/testing/fake_api_server.h"

namespace cdc::cli {
namespace {

using ::testing::HasSubstr;

std::string EventsAnswer(const std::string& events) {
  return R"({"code":200,"data":{"events":[)" + events + "]}}\n";
}

constexpr const char* kCreatedEvent =
    R"({"number":1,"time_ms":1714979289123,"event":"created","text":"to http://t"})";
constexpr const char* kStartedEvent =
    R"({"number":2,"time_ms":1714979290000,"event":"started","text":""})";

class EventsTest : public ::testing::Test {
 protected:
  EventsTest() { server_.SetAnswer("list", ListAnswer({TaskJson({.id = "def"})})); }

  ExitCode Run(EventsOptions options = {}, const std::stop_token& stop = {}) {
    options.id = "de";
    options.interval = std::chrono::milliseconds(1);
    const Result<ServerAddress> address = ParseServerAddress(server_.url());
    const ApiClient client(*address);
    const Console console{.out = &out_,
                          .err = &err_,
                          .terminal = [] { return std::nullopt; },
                          .environment = [](const char*) { return std::nullopt; }};
    return ShowEvents({.client = client, .console = console, .output = output_}, options, stop);
  }

  FakeApiServer server_;
  Output output_ = Output::kTable;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(EventsTest, ALineForEach) {
  server_.SetAnswer("events", EventsAnswer(std::string(kCreatedEvent) + "," + kStartedEvent));
  EXPECT_EQ(Run(), ExitCode::kOk) << err_.str();
  EXPECT_EQ(out_.str(),
            "2024-05-06 07:08:09.123Z  created  to http://t\n"
            "2024-05-06 07:08:10.000Z  started\n");
  EXPECT_EQ(server_.Requests("events").front(), R"({"task_id":"def"})");
  out_.str("");
  output_ = Output::kJson;
  EXPECT_EQ(Run(), ExitCode::kOk);
  EXPECT_EQ(out_.str(), std::string(kCreatedEvent) + "\n" + kStartedEvent + "\n");
}

TEST_F(EventsTest, WhatTheServerRefusesIsTold) {
  server_.SetAnswer("events", R"({"code":400,"message":"no such task"})");
  EXPECT_EQ(Run(), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("cannot show the events: no such task"));
}

TEST_F(EventsTest, FollowsOverARestartOfTheServer) {
  server_.PushAnswer("events", EventsAnswer(kCreatedEvent));
  server_.PushAnswer("events", EventsAnswer(std::string(kCreatedEvent) + "," + kStartedEvent));
  server_.PushAnswer("events", "gone");
  server_.SetAnswer("events", EventsAnswer(kCreatedEvent));  // its numbers begin anew
  std::stop_source stop;
  const Thread interrupter("interrupter", [&](const std::stop_token&) {
    EXPECT_TRUE(Eventually([&] { return server_.Requests("events").size() > 5; }));
    stop.request_stop();
  });
  EXPECT_EQ(Run({.follow = true}, stop.get_token()), ExitCode::kOk);
  EXPECT_EQ(out_.str(),
            "2024-05-06 07:08:09.123Z  created  to http://t\n"
            "2024-05-06 07:08:10.000Z  started\n"
            "2024-05-06 07:08:09.123Z  created  to http://t\n");
  EXPECT_THAT(err_.str(), HasSubstr("trying again"));
}

}  // namespace
}  // namespace cdc::cli
