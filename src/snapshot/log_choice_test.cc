#include "snapshot/log_choice.h"

#include <gtest/gtest.h>

namespace cdc {
namespace {

using std::chrono::seconds;

TEST(LogChoice, DependsOnWhatTheQueueHolds) {
  EXPECT_FALSE(ChooseLog(SnapshotLog::kAuto, 500, 10, seconds(100)).apply);
  EXPECT_TRUE(ChooseLog(SnapshotLog::kAuto, 501, 10, seconds(100)).apply);
  EXPECT_EQ(ChooseLog(SnapshotLog::kAuto, 501, 10, seconds(100)).copy_takes, seconds(51));
}

TEST(LogChoice, WaitsIfNothingIsKnownOfTheQueue) {
  EXPECT_FALSE(ChooseLog(SnapshotLog::kAuto, 1'000'000, 1, seconds(0)).apply);
}

TEST(LogChoice, MayBeMadeByTheTask) {
  EXPECT_FALSE(ChooseLog(SnapshotLog::kWait, 501, 10, seconds(100)).apply);
  EXPECT_TRUE(ChooseLog(SnapshotLog::kApply, 1, 10, seconds(100)).apply);
}

}  // namespace
}  // namespace cdc
