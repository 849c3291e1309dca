#include "base/fault_point.h"

#include <csignal>

#include <gtest/gtest.h>
#include <unistd.h>

namespace cdc {
namespace {

class FaultPointDeathTest : public ::testing::Test {};

TEST(FaultPointTest, DoesNothingUnlessArmed) { FaultPoint("here"); }

TEST_F(FaultPointDeathTest, KillsAtTheNthPass) {
  EXPECT_EXIT(
      {
        ArmFaultPoint("here", 2);
        FaultPoint("here");
        FaultPoint("elsewhere");
        _exit(7);
      },
      ::testing::ExitedWithCode(7), "");
  EXPECT_EXIT(
      {
        ArmFaultPoint("here", 2);
        FaultPoint("here");
        FaultPoint("here");
        _exit(7);
      },
      ::testing::KilledBySignal(SIGKILL), "");
}

TEST_F(FaultPointDeathTest, DetailBehindADot) {
  const auto pass = [](const char* armed) {
    ArmFaultPoint(armed, 1);
    FaultPoint("ddl.Create");
    _exit(7);
  };
  EXPECT_EXIT(pass("ddl"), ::testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(pass("ddl.Create"), ::testing::KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(pass("ddl.Cre"), ::testing::ExitedWithCode(7), "");
  EXPECT_EXIT(pass("dd"), ::testing::ExitedWithCode(7), "");
  EXPECT_EXIT(pass("ddl.Create.More"), ::testing::ExitedWithCode(7), "");
}

}  // namespace
}  // namespace cdc
