#include "snapshot/recent_rate.h"

#include <chrono>

#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;

TEST(RecentRateTest, CountsTheLastTenSeconds) {
  FakeClock clock;
  RecentRate rate;
  rate.Begin(clock.Now());
  for (int i = 0; i < 30; ++i) {
    rate.Add(i < 20 ? 1'000 : 100, 10, clock.Now());
    clock.Advance(milliseconds(1'000));
  }
  EXPECT_DOUBLE_EQ(rate.At(clock.Now()).rows, 90);  // nine sums of the last ten seconds
  EXPECT_DOUBLE_EQ(rate.At(clock.Now()).bytes, 9);
}

TEST(RecentRateTest, CountsFromTheBeginningAtFirst) {
  FakeClock clock;
  RecentRate rate;
  rate.Begin(clock.Now());
  EXPECT_EQ(rate.At(clock.Now()).rows, 0);
  rate.Add(500, 0, clock.Now());
  EXPECT_DOUBLE_EQ(rate.At(clock.Now()).rows, 500) << "as if it had been a second";
  clock.Advance(milliseconds(4'000));
  rate.Add(500, 0, clock.Now());
  EXPECT_DOUBLE_EQ(rate.At(clock.Now()).rows, 250);
}

TEST(RecentRateTest, NothingMovesAnyMore) {
  FakeClock clock;
  RecentRate rate;
  rate.Begin(clock.Now());
  rate.Add(500, 1, clock.Now());
  clock.Advance(milliseconds(10'000));
  EXPECT_EQ(rate.At(clock.Now()).rows, 0);
}

}  // namespace
}  // namespace cdc
