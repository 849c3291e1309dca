#include "progress/send_horizon.h"

#include <gtest/gtest.h>

#include "base/testing/fake_clock.h"

namespace cdc {
namespace {

Timestamp Ms(int64_t ms) { return Timestamp::FromUnixMs(ms); }

class SendHorizonTest : public testing::Test {
 protected:
  bool Save() { return horizon_.OnSaved(true); }
  void SetNow(int64_t unix_ms) {
    clock_.Advance(std::chrono::milliseconds(unix_ms - clock_.UnixMs()));
  }

  FakeClock clock_{1'000'000};
  int wanted_ = 0;
  SendHorizon horizon_{{.lead = std::chrono::milliseconds(5'000), .clock = &clock_},
                       [this] { ++wanted_; }};
};

TEST_F(SendHorizonTest, RowsWaitUntilItIsDurable) {
  EXPECT_EQ(horizon_.Reach("c", Ms(100)), Timestamp{});
  EXPECT_EQ(wanted_, 1);
  EXPECT_EQ(horizon_.Reach("c", Ms(200)), Timestamp{});
  EXPECT_EQ(wanted_, 1) << "once is enough";
  EXPECT_EQ(horizon_.Next("c", Ms(300)), Ms(5'300));
  EXPECT_EQ(horizon_.Reach("c", Ms(200)), Timestamp{}) << "given is not durable";
  EXPECT_TRUE(Save());
  EXPECT_FALSE(horizon_.wanted());
  EXPECT_EQ(horizon_.Reach("c", Ms(200)), Ms(5'300));
  EXPECT_EQ(wanted_, 1);
}

TEST_F(SendHorizonTest, AFailedSaveMovesNothing) {
  horizon_.Reach("c", Ms(100));
  horizon_.Next("c", Ms(100));
  EXPECT_FALSE(horizon_.OnSaved(false));
  EXPECT_EQ(horizon_.Durable("c"), Timestamp{});
  EXPECT_TRUE(horizon_.wanted());
  horizon_.Reach("c", Ms(150));
  EXPECT_EQ(wanted_, 1) << "the saver tries again by itself";
  EXPECT_EQ(horizon_.Next("c", Ms(150)), Ms(5'100)) << "the same, as long as it is far enough";
  EXPECT_TRUE(Save());
  EXPECT_EQ(horizon_.Durable("c"), Ms(5'100));
}

TEST_F(SendHorizonTest, ASaveWithoutTheChannelMakesNothingOfItDurable) {
  horizon_.Reach("c", Ms(100));
  horizon_.Next("c", Ms(100));
  horizon_.OnSaved(false);
  horizon_.Next("other", Ms(100));
  Save();
  EXPECT_EQ(horizon_.Durable("c"), Timestamp{});
}

TEST_F(SendHorizonTest, AnIdleChannelNeedsNoNewOne) {
  EXPECT_EQ(horizon_.Next("c", Ms(500'000)), Timestamp{}) << "no rows at all";
  horizon_.Reach("c", Ms(100));
  horizon_.Next("c", Ms(100));
  Save();
  EXPECT_EQ(horizon_.Next("c", Ms(900'000)), Ms(5'100));
}

TEST_F(SendHorizonTest, RowsInTimeMoveItBeforeTheyHaveToWait) {
  horizon_.Reach("c", Ms(999'000));
  horizon_.Next("c", Ms(999'000));
  Save();
  for (int64_t ms = 999'000; ms < 1'100'000; ms += 1'000) {
    SetNow(ms);
    EXPECT_GE(horizon_.Reach("c", Ms(ms)), Ms(ms));
    EXPECT_LE(horizon_.Next("c", Ms(ms)), Ms(ms + 5'000));
    Save();
  }
  EXPECT_EQ(wanted_, 1);
}

TEST_F(SendHorizonTest, RowsInTimeWaitForNoSlowSave) {
  constexpr int64_t kSave = 4'000;
  int64_t now = 1'000'000;
  const auto save = [&](bool with_rows) {
    horizon_.Next("c", Ms(now));
    for (const int64_t end = now + kSave; now < end; now += 100) {
      SetNow(now);
      if (with_rows) {
        horizon_.Reach("c", Ms(now));
      }
    }
    SetNow(now);
    Save();
  };
  horizon_.Reach("c", Ms(now));
  save(true);
  save(true);
  const int wanted = wanted_;
  for (int i = 0; i < 20; ++i) {
    save(true);
  }
  EXPECT_EQ(wanted_, wanted);
  // An idle channel, too, is saved now and then, and its next row need not wait.
  for (int i = 0; i < 5; ++i) {
    save(false);
    now += 10'000;
    SetNow(now);
  }
  horizon_.Reach("c", Ms(now));
  EXPECT_EQ(wanted_, wanted);
}

TEST_F(SendHorizonTest, ASuspendedProcessDoesNotLookHoursAhead) {
  horizon_.Reach("c", Ms(1'000'000));
  horizon_.Next("c", Ms(1'000'000));
  SetNow(5'000'000);
  Save();
  horizon_.Reach("c", Ms(5'000'000));
  EXPECT_EQ(horizon_.Next("c", Ms(5'000'000)), Ms(5'135'000));
}

TEST_F(SendHorizonTest, OnceSavesAreQuickTheLeadIsWhatItWas) {
  horizon_.Reach("c", Ms(1'000'000));
  horizon_.Next("c", Ms(1'000'000));
  SetNow(1'002'000);
  Save();
  horizon_.Reach("c", Ms(1'002'000));
  EXPECT_EQ(horizon_.Next("c", Ms(1'002'000)), Ms(1'025'000));
  for (int i = 0; i < 50; ++i) {
    Save();
    horizon_.Next("c", Ms(1'002'000));
  }
  Save();
  SetNow(2'000'000);
  horizon_.Reach("c", Ms(2'000'000));
  EXPECT_EQ(horizon_.Next("c", Ms(2'000'000)), Ms(2'005'000));
}

TEST_F(SendHorizonTest, ACatchUpCostsFewSaves) {
  SetNow(100'000'000);
  int saves = 0;
  for (int64_t ms = 1'000; ms < 90'000'000; ms += 10'000) {
    if (horizon_.Reach("c", Ms(ms)) < Ms(ms)) {
      horizon_.Next("c", Ms(ms));
      Save();
      ++saves;
    }
  }
  EXPECT_LT(saves, 20);
}

TEST_F(SendHorizonTest, ACatchUpDoesNotReachFarBeyondNow) {
  SetNow(1'000'000);
  horizon_.Reach("c", Ms(1'000));
  horizon_.Next("c", Ms(1'000));
  Save();
  horizon_.Reach("c", Ms(900'000));
  EXPECT_EQ(horizon_.Next("c", Ms(900'000)), Ms(1'005'000));
}

TEST_F(SendHorizonTest, WhatAProcessBeforeMadeDurableStays) {
  horizon_.Load("c", Ms(50'000));
  EXPECT_EQ(horizon_.Reach("c", Ms(100)), Ms(50'000));
  EXPECT_EQ(horizon_.Next("c", Ms(200)), Ms(50'000));
  EXPECT_EQ(wanted_, 0);
}

}  // namespace
}  // namespace cdc
