#include "control/sink_mode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using testing::HasSubstr;

TEST(SinkModeTest, AutoFollowsTheTarget) {
  TaskSpec spec;
  spec.sink_mode = SinkMode::kAuto;
  ASSERT_TRUE(ChooseSinkMode({.is_standby = true}, &spec).ok());
  EXPECT_EQ(spec.sink_mode, SinkMode::kReplicate);
  spec.sink_mode = SinkMode::kAuto;
  ASSERT_TRUE(ChooseSinkMode({.is_standby = false}, &spec).ok());
  EXPECT_EQ(spec.sink_mode, SinkMode::kApi);
}

TEST(SinkModeTest, ARefusedUserIsNotTakenForAnotherKindOfTarget) {
  const TargetInfo refused{.standby_refusal = "not for you"};
  TaskSpec spec;
  spec.sink_mode = SinkMode::kReplicate;
  const Status status = ChooseSinkMode(refused, &spec);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("not for you"));
  EXPECT_THAT(status.message(), testing::Not(HasSubstr("ttMsgEnabled")));
  // For an ordinary target such a user is good enough.
  spec.sink_mode = SinkMode::kAuto;
  ASSERT_TRUE(ChooseSinkMode(refused, &spec).ok());
  EXPECT_EQ(spec.sink_mode, SinkMode::kApi);
}

}  // namespace
}  // namespace cdc
