#include "model/message_log.h"

#include <limits>

#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"

namespace cdc {
namespace {

using std::chrono::minutes;

int TakeAll(MessageLog* log, int most = 100) {
  int taken = 0;
  while (taken < most && log->Take()) {
    ++taken;
  }
  return taken;
}

TEST(MessageLogTest, TheFirstFiveWithinFiveMinutesAreShown) {
  FakeClock clock;
  MessageLog log(&clock);
  EXPECT_TRUE(log.Take());
  clock.Advance(minutes(4));
  EXPECT_EQ(TakeAll(&log), 4);
  MessageLog late(&clock);
  clock.Advance(minutes(5));
  EXPECT_FALSE(late.Take());
}

TEST(MessageLogTest, AResetSwitchesItOnAgain) {
  FakeClock clock;
  MessageLog log(&clock);
  ASSERT_EQ(TakeAll(&log), 5);
  ASSERT_FALSE(log.Take());
  log.Reset(3, minutes(1));
  EXPECT_EQ(TakeAll(&log), 3);
  log.Reset(3, minutes(1));
  clock.Advance(minutes(1));
  EXPECT_FALSE(log.Take());
  log.Reset(2, minutes(std::numeric_limits<int64_t>::max()));
  EXPECT_EQ(TakeAll(&log), 2);
  log.Reset(-1, minutes(-1));
  EXPECT_FALSE(log.Take());
}

TEST(MessageLogTest, ForcedItShowsAllUntilItIsNoLonger) {
  FakeClock clock;
  MessageLog log(&clock);
  ASSERT_EQ(TakeAll(&log), 5);
  log.Force(true);
  clock.Advance(minutes(1000));
  EXPECT_EQ(TakeAll(&log), 100);
  log.Force(false);
  EXPECT_FALSE(log.Take());
}

}  // namespace
}  // namespace cdc
