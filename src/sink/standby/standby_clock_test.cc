#include "sink/standby/standby_clock.h"

#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>

#include <gmock/gmock.h>
#include <grpcpp/support/status.h>
#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"
#include "milvus.pb.h"
#include "milvus/testing/fake_milvus_server.h"

namespace cdc {
namespace {

using ::testing::HasSubstr;

class StandbyClockTest : public ::testing::Test {
 protected:
  StandbyClockTest()
      : connection_(*StandbyConnection::New({.uri = server_.uri()})),
        standby_(std::make_unique<StandbyClock>(
            connection_.get(),
            StandbyClock::Options{
                .name = server_.uri(), .clock = &clock_, .on_answer = [this](const Status& status) {
                  const auto answer = answer_;  // outlives set_value
                  answer->set_value(status);
                }})) {}

  // The callback of a call in flight uses the clock.
  ~StandbyClockTest() override { connection_.reset(); }

  // `meanwhile` runs on the server, before it answers.
  void SetTime(uint64_t time, const std::function<void()>& meanwhile = [] {}) {
    server_.On("AllocTimestamp", [time, meanwhile](const auto&) {
      meanwhile();
      ::milvus::proto::milvus::AllocTimestampResponse response;
      response.set_timestamp(time);
      return FakeMilvusServer::Reply::Of(response);
    });
  }

  void SetFailure() {
    server_.On("AllocTimestamp", [](const auto&) {
      return FakeMilvusServer::Reply::Error(grpc::StatusCode::UNAVAILABLE, "starting");
    });
  }

  // The outcome of one call.
  Status AskAndWait() {
    answer_ = std::make_shared<std::promise<Status>>();
    standby_->Ask();
    return answer_->get_future().get();
  }

  size_t CountCalls() const { return server_.requests().size(); }

  FakeClock clock_;
  FakeMilvusServer server_;
  std::shared_ptr<std::promise<Status>> answer_ = std::make_shared<std::promise<Status>>();
  std::unique_ptr<StandbyConnection> connection_;
  std::unique_ptr<StandbyClock> standby_;
};

TEST_F(StandbyClockTest, ATimeIsFreshForTwentyMilliseconds) {
  SetTime(1000);
  EXPECT_EQ(standby_->Fresh(), std::nullopt) << "nobody has asked";
  ASSERT_TRUE(AskAndWait().ok());
  EXPECT_EQ(standby_->Fresh(), Timestamp{1000});
  clock_.Advance(std::chrono::milliseconds(19));
  EXPECT_EQ(standby_->Fresh(), Timestamp{1000});
  clock_.Advance(std::chrono::milliseconds(1));
  EXPECT_EQ(standby_->Fresh(), std::nullopt);
  EXPECT_EQ(CountCalls(), 1U) << "it asks only on request";
}

TEST_F(StandbyClockTest, ASlowAnswerIsStillFresh) {
  SetTime(1000, [this] { clock_.Advance(std::chrono::seconds(5)); });
  ASSERT_TRUE(AskAndWait().ok());
  EXPECT_EQ(standby_->Fresh(), Timestamp{1000});
  clock_.Advance(std::chrono::milliseconds(10));
  EXPECT_EQ(standby_->Fresh(), std::nullopt) << "but only for half as long";
}

TEST_F(StandbyClockTest, ItNeverGoesBack) {
  SetTime(1000);
  ASSERT_TRUE(AskAndWait().ok());
  SetTime(900);
  ASSERT_TRUE(AskAndWait().ok());
  EXPECT_EQ(standby_->Fresh(), Timestamp{1000});
}

TEST_F(StandbyClockTest, OneCallIsInFlight) {
  std::promise<void> go;
  SetTime(1000, [go = go.get_future().share()] { go.wait(); });
  standby_->Ask();
  EXPECT_EQ(standby_->NextAsk(), Clock::TimePoint::max());
  standby_->Ask();
  go.set_value();
  ASSERT_TRUE(answer_->get_future().get().ok());
  EXPECT_LE(standby_->NextAsk(), clock_.Now());
  ASSERT_TRUE(AskAndWait().ok());
  EXPECT_EQ(CountCalls(), 2U);
}

TEST_F(StandbyClockTest, AFailureIsReportedAndRetriedLater) {
  EXPECT_TRUE(standby_->Health().ok());
  SetFailure();
  EXPECT_EQ(AskAndWait().code(), StatusCode::kUnavailable);
  EXPECT_EQ(standby_->Fresh(), std::nullopt);
  EXPECT_THAT(standby_->Health().message(), HasSubstr("starting"));
  EXPECT_EQ(standby_->NextAsk(), clock_.Now() + std::chrono::milliseconds(200));
  SetTime(1000);
  standby_->Ask();
  EXPECT_NE(standby_->NextAsk(), Clock::TimePoint::max()) << "too early: no call was made";
  clock_.Advance(std::chrono::milliseconds(200));
  ASSERT_TRUE(AskAndWait().ok());
  EXPECT_EQ(standby_->Fresh(), Timestamp{1000});
  EXPECT_TRUE(standby_->Health().ok());
}

}  // namespace
}  // namespace cdc
