#include "snapshot/copy_throttle.h"

#include <atomic>
#include <chrono>
#include <thread>

#include <gtest/gtest.h>

#include "base/testing/eventually.h"
#include "base/testing/fake_clock.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;

const std::stop_token kNever;

TEST(CopyThrottleTest, WithoutALimitNobodyWaits) {
  FakeClock clock;
  CopyThrottle throttle(0, &clock);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(throttle.Take(int64_t{1} << 40, kNever).ok());
  }
}

TEST(CopyThrottleTest, TheNextWaitsUntilThoseBeforeHaveGone) {
  FakeClock clock;
  CopyThrottle throttle(1'000, &clock);
  ASSERT_TRUE(throttle.Take(2'000, kNever).ok());  // goes until 2 s
  std::atomic<int> taken = 0;
  const auto take = [&] {
    EXPECT_TRUE(throttle.Take(500, kNever).ok());  // 2 to 2.5 s, and 2.5 to 3 s
    ++taken;
  };
  std::jthread first(take);
  std::jthread second(take);
  clock.Advance(milliseconds(1'900));
  EXPECT_FALSE(Eventually([&] { return taken > 0; }, milliseconds(300)));
  clock.Advance(milliseconds(100));
  ASSERT_TRUE(Eventually([&] { return taken == 1; }));
  EXPECT_FALSE(Eventually([&] { return taken > 1; }, milliseconds(300)));
  clock.Advance(milliseconds(500));
  EXPECT_TRUE(Eventually([&] { return taken == 2; }));
}

TEST(CopyThrottleTest, WhatWasNotUsedIsNotSaved) {
  FakeClock clock;
  CopyThrottle throttle(1'000, &clock);
  clock.Advance(milliseconds(60'000));
  ASSERT_TRUE(throttle.Take(1'000, kNever).ok());
  std::atomic<bool> taken = false;
  std::jthread next([&] {
    EXPECT_TRUE(throttle.Take(1, kNever).ok());
    taken = true;
  });
  EXPECT_FALSE(Eventually([&] { return taken.load(); }, milliseconds(300)));
  clock.Advance(milliseconds(1'000));
}

TEST(CopyThrottleTest, KnowsHowFastCopiesHaveBeen) {
  FakeClock clock;
  CopyThrottle throttle(0, &clock);
  const double guess = throttle.ExpectedRate();
  EXPECT_GT(guess, 0);
  for (int second = 0; second < 20; ++second) {
    ASSERT_TRUE(throttle.Take(1'000'000'000, kNever).ok());
    clock.Advance(milliseconds(1'000));
  }
  EXPECT_NEAR(throttle.ExpectedRate(), 1e9, 1e8);
  clock.Advance(milliseconds(3'600'000));  // without a copy
  ASSERT_TRUE(throttle.Take(1, kNever).ok());
  EXPECT_NEAR(throttle.ExpectedRate(), 1e9, 1e8);
  EXPECT_EQ(CopyThrottle(7, &clock).ExpectedRate(), 7) << "not above the limit";
}

TEST(CopyThrottleTest, AStopEndsAWaitAtOnce) {
  FakeClock clock;
  CopyThrottle throttle(1, &clock);
  ASSERT_TRUE(throttle.Take(int64_t{1} << 40, kNever).ok());
  Status status;
  std::atomic<bool> ended = false;
  std::jthread waiting([&](const std::stop_token& stop) {
    status = throttle.Take(1, stop);
    ended = true;
  });
  waiting.request_stop();
  EXPECT_TRUE(Eventually([&] { return ended.load(); }, kSoon));
  waiting.join();
  EXPECT_EQ(status.code(), StatusCode::kCancelled);
}

}  // namespace
}  // namespace cdc
