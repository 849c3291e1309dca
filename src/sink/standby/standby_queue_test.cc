#include "sink/standby/standby_queue.h"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kNever = Clock::TimePoint::max();

class StandbyQueueTest : public ::testing::Test {
 protected:
  using CallPtr = std::shared_ptr<const StandbyQueue::Call>;

  void Push(int task, size_t messages = 1, size_t bytes = 0) {
    std::vector<StandbyMessage> pushed(messages);
    pushed.front().body_size = bytes;
    queue_.Push(&tasks_[task], std::move(pushed), [](const StandbyQueue::Sent&) {});
  }

  CallPtr BeginCall(uint64_t time = 1000) { return queue_.BeginCall({time}, clock_.Now()); }

  // The outcomes of the items in it.
  std::vector<StandbyQueue::Sent> EndCall(const WriteResult& result = {}, bool answered = true) {
    StandbyQueue::Ended ended;
    is_news_ = queue_.EndCall({result, answered}, clock_.Now(), &ended);
    return SentOf(ended);
  }

  static std::vector<StandbyQueue::Sent> SentOf(const StandbyQueue::Ended& ended) {
    std::vector<StandbyQueue::Sent> all;
    for (const auto& [done, sent] : ended) {
      all.push_back(sent);
    }
    return all;
  }

  bool IsDue() const { return queue_.NextCall() <= clock_.Now(); }
  Status Health() const { return queue_.Health(clock_.Now()); }

  int tasks_[2] = {};  // owners
  FakeClock clock_;
  StandbyQueue queue_{"dml_0",
                      {.tick_interval = milliseconds(250),
                       .silence = seconds(7),
                       .grace = seconds(1),
                       .call_bytes = 1000}};
  bool is_news_ = false;  // see StandbyQueue::EndCall
};

TEST_F(StandbyQueueTest, OneCallIsInFlightAndTheRestGoesTogether) {
  EXPECT_EQ(queue_.NextCall(), kNever);
  Push(0);
  ASSERT_TRUE(IsDue());
  EXPECT_EQ(BeginCall()->items.size(), 1U);
  Push(0);
  Push(1);
  EXPECT_EQ(queue_.NextCall(), kNever);
  EndCall();
  ASSERT_TRUE(IsDue());
  EXPECT_EQ(BeginCall()->items.size(), 2U);
}

TEST_F(StandbyQueueTest, ACallIsBoundedInBytesButTakesOneItemOfAnySize) {
  Push(0, 1, 5'000);
  Push(0, 1, 600);
  Push(0, 1, 600);
  for (int call = 0; call < 3; ++call) {
    EXPECT_EQ(BeginCall()->items.size(), 1U);
    EndCall();
  }
}

TEST_F(StandbyQueueTest, StampsRiseAndAreNotBelowTheTime) {
  Push(0, 3);
  CallPtr call = BeginCall(1000);
  EXPECT_EQ(call->request.begin, 1000U);
  EXPECT_EQ(call->request.end, 1002U);
  EXPECT_EQ(queue_.ticked(), Timestamp{});
  EXPECT_EQ(EndCall().front().stamp, Timestamp{1002});
  EXPECT_EQ(queue_.ticked(), Timestamp{1002});
  call = BeginCall(1000);  // a tick
  EXPECT_EQ(call->request.begin, 1003U);
  EXPECT_EQ(call->request.end, 1003U);
  EndCall();
  EXPECT_EQ(BeginCall(2000)->request.begin, 2000U);
}

TEST_F(StandbyQueueTest, TicksAreDueWhileThereAreNoRows) {
  queue_.SetTicking(true, clock_.Now());
  EXPECT_EQ(queue_.NextCall(), clock_.Now() + milliseconds(250));
  clock_.Advance(milliseconds(250));
  EXPECT_THAT(BeginCall()->items, IsEmpty());
  EndCall();
  EXPECT_EQ(queue_.NextCall(), clock_.Now() + milliseconds(250));
}

TEST_F(StandbyQueueTest, RowsReplaceTheTick) {
  queue_.SetTicking(true, clock_.Now());
  clock_.Advance(milliseconds(200));
  Push(0);
  BeginCall();
  EndCall();
  EXPECT_EQ(queue_.NextCall(), clock_.Now() + milliseconds(250));
  queue_.SetTicking(true, clock_.Now() + milliseconds(100));
  EXPECT_EQ(queue_.NextCall(), clock_.Now() + milliseconds(250)) << "it ticks already";
  queue_.SetTicking(false, clock_.Now());
  EXPECT_EQ(queue_.NextCall(), kNever);
}

TEST_F(StandbyQueueTest, AFailedTickIsRepeatedAfterASecond) {
  queue_.SetTicking(true, clock_.Now());
  clock_.Advance(milliseconds(250));
  BeginCall();
  EndCall({UnavailableError("down"), /*in_doubt=*/true});
  EXPECT_EQ(queue_.NextCall(), clock_.Now() + seconds(1));
}

TEST_F(StandbyQueueTest, NothingIsSentSoonAfterAnUnknownOutcome) {
  Push(0);
  BeginCall();
  EndCall({DeadlineExceededError("late"), /*in_doubt=*/true}, /*answered=*/false);
  Push(0);
  EXPECT_EQ(queue_.NextCall(), clock_.Now() + seconds(1));
  clock_.Advance(seconds(1));
  EXPECT_TRUE(IsDue());
}

TEST_F(StandbyQueueTest, RefusedItemsAreRetryableUntilEachWasSentAlone) {
  const WriteResult refusal{InvalidArgumentError("cannot be decoded"), /*in_doubt=*/true};
  Push(0);
  Push(1);
  BeginCall();
  for (const StandbyQueue::Sent& sent : EndCall(refusal)) {
    EXPECT_EQ(sent.result.status.code(), StatusCode::kAborted);
    EXPECT_TRUE(sent.result.in_doubt);
  }
  Push(0);
  Push(1);
  ASSERT_TRUE(IsDue()) << "the outcome is known, nothing has to wait";
  EXPECT_EQ(BeginCall()->items.size(), 1U);
  EXPECT_EQ(EndCall(refusal).front().result.status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(BeginCall()->items.size(), 1U);
  EXPECT_TRUE(EndCall().front().result.status.ok());
  clock_.Advance(seconds(10));
  Push(0);
  Push(1);
  EXPECT_EQ(BeginCall()->items.size(), 2U);
}

TEST_F(StandbyQueueTest, ACancelEndsTheItemsOfOneOwner) {
  Push(0);
  BeginCall();
  Push(0);
  Push(1);
  StandbyQueue::Ended ended;
  queue_.Cancel(&tasks_[0], &ended);
  const std::vector<StandbyQueue::Sent> cancelled = SentOf(ended);
  ASSERT_EQ(cancelled.size(), 2U);
  for (const StandbyQueue::Sent& sent : cancelled) {
    EXPECT_EQ(sent.result.status.code(), StatusCode::kCancelled);
  }
  EXPECT_FALSE(cancelled[0].result.in_doubt) << "it was queued";
  EXPECT_TRUE(cancelled[1].result.in_doubt) << "it was sent";
  EXPECT_THAT(EndCall(), IsEmpty()) << "it has ended before";
  EXPECT_EQ(BeginCall()->items.size(), 1U);
}

TEST_F(StandbyQueueTest, WhatIsQueuedFailsWithoutDoubt) {
  Push(0);
  StandbyQueue::Ended ended;
  queue_.FailQueued(UnavailableError("no clock"), &ended);
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(SentOf(ended).front().result.status.code(), StatusCode::kUnavailable);
  EXPECT_FALSE(SentOf(ended).front().result.in_doubt);
  EXPECT_EQ(queue_.NextCall(), kNever);
}

TEST_F(StandbyQueueTest, OnlyAChangeIsNews) {
  const WriteResult failure{UnavailableError("down"), /*in_doubt=*/true};
  std::vector<bool> news;
  for (const WriteResult& result : {WriteResult{}, failure, failure, WriteResult{}}) {
    BeginCall();
    EndCall(result);
    news.push_back(is_news_);
  }
  EXPECT_THAT(news, ElementsAre(false, true, false, true));
}

TEST_F(StandbyQueueTest, ItsHealthIsThatOfTheTicks) {
  queue_.SetTicking(true, clock_.Now());
  Push(0);
  BeginCall();
  EndCall({UnavailableError("no segment"), /*in_doubt=*/true});
  EXPECT_TRUE(Health().ok()) << "the rows may be to blame";
  BeginCall();
  EndCall({UnavailableError("no queue"), /*in_doubt=*/true});
  EXPECT_THAT(Health().message(), HasSubstr("channel dml_0: no queue"));
  BeginCall();
  EndCall();
  EXPECT_TRUE(Health().ok());
  BeginCall();
  clock_.Advance(seconds(7));
  EXPECT_TRUE(Health().ok());
  clock_.Advance(milliseconds(1));
  EXPECT_EQ(Health().code(), StatusCode::kDeadlineExceeded);
  EXPECT_THAT(Health().message(), HasSubstr("no answer for 7001 ms"));
  queue_.SetTicking(false, clock_.Now());
  EXPECT_TRUE(Health().ok()) << "it needs no ticks";
}

}  // namespace
}  // namespace cdc
