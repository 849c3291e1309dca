#include "cli/watch.h"

#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/testing/eventually.h"
#include "base/testing/fake_clock.h"
#include "cli/testing/fake_api_server.h"
#include "cli/view/format.h"
#include "cli/view/watch_view.h"

namespace cdc::cli {
namespace {

using std::chrono::steady_clock;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST(RateMeterTest, MeasuresBetweenTwoLooks) {
  RateMeter meter;
  const steady_clock::time_point begin;
  TaskInfo task{.id = "t", .rows = {100, 10, 0}, .bytes_written = 1000};
  EXPECT_FALSE(meter.Update(task, begin).has_value());
  task.rows = {300, 10, 5};
  task.bytes_written = 5000;
  const std::optional<Rates> rates = meter.Update(task, begin + std::chrono::seconds(2));
  ASSERT_TRUE(rates.has_value());
  EXPECT_EQ(rates->inserted, 100);
  EXPECT_EQ(rates->upserted, 0);
  EXPECT_EQ(rates->deleted, 2.5);
  EXPECT_EQ(rates->bytes, 2000);
}

TEST(RateMeterTest, CountersThatBeganAnewGiveNoRate) {
  RateMeter meter;
  const steady_clock::time_point begin;
  meter.Update({.id = "t", .rows = {100, 0, 0}}, begin);
  EXPECT_FALSE(meter.Update({.id = "t", .rows = {5, 0, 0}}, begin + std::chrono::seconds(1)));
  const auto rates = meter.Update({.id = "t", .rows = {15, 0, 0}}, begin + std::chrono::seconds(2));
  ASSERT_TRUE(rates.has_value());
  EXPECT_EQ(rates->inserted, 10);
  EXPECT_FALSE(rates->bytes.has_value());  // this server does not report them
}

WatchFrame Frame() {
  WatchedTask task;
  task.info = {.id = "6623ae52d35842a5a2c9d89b16ed7aa1",
               .state = "Running",
               .condition = "retrying",
               .reason = "rate \"limit\"",
               .since_unix_ms = 1'714'979'289'007,
               .lag_ms = 1500,
               .source_lag_ms = 80,
               .rows = {12345, 0, 0},
               .bytes_waiting = 2048};
  task.info.channels.push_back({"dml_0", 1'714'979'289'007, "CgAS"});
  task.rates = Rates{.inserted = 1234, .upserted = 0, .deleted = 2.5, .bytes = 12'300'000};
  return {.server = "http://s:1", .now_unix_ms = 1'714'979'291'007, .tasks = {task}};
}

TEST(WatchViewTest, PlainLineIsKeyAndValue) {
  WatchFrame frame = Frame();
  EXPECT_THAT(
      FormatFrame(frame),
      ElementsAre("time=\"2024-05-06 07:08:11.007Z\" task=6623ae52d35842a5a2c9d89b16ed7aa1 "
                  "state=Running condition=retrying phase=- insert_per_s=1234.0 upsert_per_s=0.0 "
                  "delete_per_s=2.5 mb_per_s=12.30 lag_ms=1500 source_lag_ms=80 "
                  "waiting_bytes=2048 rows=12345 reason=\"rate \\\"limit\\\"\""));
  frame.verbose = true;
  frame.tasks[0].rates.reset();
  frame.tasks[0].info.lag_ms.reset();
  const auto lines = FormatFrame(frame);
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_THAT(lines[0], AllOf(HasSubstr("insert_per_s=- "), HasSubstr(" lag_ms=- ")));
  EXPECT_THAT(lines[1],
              HasSubstr("channel=dml_0 applied=\"2024-05-06 07:08:09.007Z\" position=CgAS"));
}

TEST(WatchViewTest, FrameOfAWideTerminal) {
  const auto lines = DrawFrame(Frame(), {.columns = 160, .rows = 50}, false);
  ASSERT_THAT(lines, SizeIs(4));
  EXPECT_THAT(lines[2], AllOf(HasSubstr("1,234"), HasSubstr("12.3"), HasSubstr("1.5 s"),
                              HasSubstr("80 ms"), HasSubstr("2.0 KiB")));
  EXPECT_THAT(lines[3], HasSubstr(": retrying for 2.0 s: rate \"limit\""));
}

TEST(WatchViewTest, FrameFitsAnyTerminal) {
  WatchFrame frame = Frame();
  frame.verbose = true;
  frame.problem = "the server is away";
  frame.tasks.resize(30, frame.tasks[0]);
  for (int columns = 1; columns < 120; columns += 7) {
    for (int rows = 1; rows < 40; rows += 5) {
      const auto lines = DrawFrame(frame, {.columns = columns, .rows = rows}, false);
      EXPECT_LT(lines.size(), static_cast<size_t>(std::max(rows, 2)));
      for (const std::string& line : lines) {
        EXPECT_LE(DisplayWidth(line), static_cast<size_t>(columns)) << line;
      }
    }
  }
}

TEST(LiveScreenTest, DrawsOverWhatItDrew) {
  std::ostringstream out;
  LiveScreen screen(&out);
  screen.Draw({"a", "b"});
  screen.Draw({"c"});
  EXPECT_EQ(out.str(), "\ra\x1b[K\nb\x1b[K\n\x1b[J\x1b[2A\rc\x1b[K\n\x1b[J");
}

class WatchTest : public ::testing::Test {
 protected:
  ExitCode Run(WatchOptions options, std::stop_token stop = {}) {
    const Result<ServerAddress> address = ParseServerAddress(server_.url());
    const ApiClient client(*address);
    const Console console{.out = &out_,
                          .err = &err_,
                          .terminal = [this] { return terminal_; },
                          .environment = [](const char*) { return std::nullopt; }};
    options.interval = std::chrono::milliseconds(1);
    return Watch({.client = client, .console = console, .output = output_, .clock = &clock_},
                 options, stop);
  }

  FakeClock clock_;
  FakeApiServer server_;
  std::optional<TerminalSize> terminal_;
  Output output_ = Output::kTable;
  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(WatchTest, EndsWhenAllAreCaughtUp) {
  const std::string fast = TaskJson({.id = "fast", .lag_ms = "10"});
  server_.PushAnswer("list", ListAnswer({fast, TaskJson({.id = "slow", .lag_ms = "null"})}));
  server_.PushAnswer("list", ListAnswer({fast, TaskJson({.id = "slow", .lag_ms = "101"})}));
  // A task that has not begun to read has no lag, whatever the number.
  server_.PushAnswer(
      "list", ListAnswer({fast, TaskJson({.id = "slow", .lag_ms = "0", .has_channel = false})}));
  server_.SetAnswer("list", ListAnswer({fast, TaskJson({.id = "slow", .lag_ms = "100"})}));
  EXPECT_EQ(Run({.until_caught_up_ms = 100}), ExitCode::kOk);
  EXPECT_THAT(server_.Requests("list"), SizeIs(4));
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("lag_ms=101 "), HasSubstr("lag_ms=100 ")));
}

TEST_F(WatchTest, PausedTaskCannotCatchUp) {
  server_.SetAnswer("list", ListAnswer({TaskJson({.id = "t",
                                                  .state = "Paused",
                                                  .condition = "paused",
                                                  .reason = "schema",
                                                  .lag_ms = "null"})}));
  EXPECT_EQ(Run({.until_caught_up_ms = 100}), ExitCode::kRefused);
  EXPECT_EQ(err_.str(), "milvus-cdc: task t is paused and cannot catch up: schema\n");
}

TEST_F(WatchTest, OnlyTheTasksThatAreNamed) {
  output_ = Output::kJson;
  server_.SetAnswer(
      "list", ListAnswer({TaskJson({.id = "one"}), TaskJson({.id = "two", .state = "Paused"})}));
  EXPECT_EQ(Run({.ids = {"on"}, .until_caught_up_ms = 1000}), ExitCode::kOk);
  const auto line = nlohmann::json::parse(out_.str());
  EXPECT_EQ(line.at("time_ms"), clock_.UnixMs());
  ASSERT_THAT(line.at("tasks"), SizeIs(1));
  EXPECT_EQ(line.at("tasks").at(0).at("task_id"), "one");
  EXPECT_EQ(Run({.ids = {"none"}}), ExitCode::kRefused);
}

TEST_F(WatchTest, DeletedTaskEndsIt) {
  server_.PushAnswer("list", ListAnswer({TaskJson({.id = "t"})}));
  server_.SetAnswer("list", ListAnswer({}));
  EXPECT_EQ(Run({.ids = {"t"}}), ExitCode::kRefused);
  EXPECT_THAT(err_.str(), HasSubstr("task t was deleted"));
  EXPECT_EQ(Run({.until_caught_up_ms = 1}), ExitCode::kRefused);
}

TEST_F(WatchTest, InterruptionIsAGoodEndUnlessSomethingWasAwaited) {
  server_.SetAnswer("list", ListAnswer({TaskJson({.id = "t"})}));
  for (const bool awaited : {false, true}) {
    std::stop_source stop;
    WatchOptions options;
    if (awaited) {
      options.until_caught_up_ms = 1;
    }
    const size_t before = server_.Requests("list").size();
    const Thread interrupter("interrupter", [&](const std::stop_token&) {
      EXPECT_TRUE(Eventually([&] { return server_.Requests("list").size() > before + 2; }));
      stop.request_stop();
    });
    EXPECT_EQ(Run(options, stop.get_token()), awaited ? ExitCode::kInterrupted : ExitCode::kOk);
  }
}

TEST_F(WatchTest, InterruptionEndsARequestThatHangs) {
  server_.Hold("list");
  std::stop_source stop;
  const Thread interrupter("interrupter", [&](const std::stop_token&) {
    EXPECT_TRUE(Eventually([&] { return !server_.Requests("list").empty(); }));
    stop.request_stop();
  });
  const auto begin = steady_clock::now();
  EXPECT_EQ(Run({}, stop.get_token()), ExitCode::kOk);
  EXPECT_LT(steady_clock::now() - begin, kSoon);
}

TEST_F(WatchTest, ServerThatGoesAwayIsAwaited) {
  server_.PushAnswer("list", ListAnswer({TaskJson({.id = "t", .lag_ms = "500"})}));
  server_.PushAnswer("list", "gone");
  server_.PushAnswer("list", "gone");
  server_.SetAnswer("list", ListAnswer({TaskJson({.id = "t", .lag_ms = "1"})}));
  EXPECT_EQ(Run({.until_caught_up_ms = 10}), ExitCode::kOk);
  EXPECT_THAT(err_.str(), HasSubstr("trying again"));
  EXPECT_EQ(err_.str().find("trying again"), err_.str().rfind("trying again"));
}

TEST_F(WatchTest, ServerThatIsNotThereAtTheStartIsAnError) {
  server_.Stop();
  EXPECT_EQ(Run({}), ExitCode::kUnreachable);
  EXPECT_THAT(err_.str(), StartsWith("milvus-cdc: cannot watch: cannot reach"));
}

TEST_F(WatchTest, DrawsInPlaceOnATerminal) {
  terminal_ = TerminalSize{.columns = 100, .rows = 20};
  server_.PushAnswer("list", ListAnswer({TaskJson({.id = "t", .lag_ms = "50"})}));
  server_.SetAnswer("list", ListAnswer({TaskJson({.id = "t", .lag_ms = "5"})}));
  EXPECT_EQ(Run({.until_caught_up_ms = 10}), ExitCode::kOk);
  EXPECT_THAT(out_.str(),
              AllOf(HasSubstr("\x1b[3A"), HasSubstr("INSERT/S"), Not(HasSubstr("time="))));
}

TEST_F(WatchTest, EndsWhenNobodyReads) {
  server_.SetAnswer("list", ListAnswer({TaskJson({.id = "t"})}));
  out_.setstate(std::ios::badbit);
  EXPECT_EQ(Run({}), ExitCode::kOk);
}

}  // namespace
}  // namespace cdc::cli
