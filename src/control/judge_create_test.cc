#include "control/judge_create.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using ::testing::HasSubstr;

TaskSpec Named(const std::string& id, const std::string& collection) {
  TaskSpec spec;
  spec.id = id;
  spec.target.uri = "http://h:1";
  spec.sink_mode = SinkMode::kApi;
  spec.collection_infos = {{.name = collection}};
  return spec;
}

void ExpectError(const PlanItems& items, const std::string& finding, const std::string& cure) {
  for (const PlanItem& item : items) {
    if (item.severity == PlanSeverity::kError) {
      EXPECT_THAT(item.finding, HasSubstr(finding));
      EXPECT_THAT(item.cure, HasSubstr(cure));
      return;
    }
  }
  ADD_FAILURE() << "no error with " << finding;
}

TEST(JudgeCreateTest, ATargetThatCannotBeReached) {
  const PlanItems items = JudgeTarget(Named("t", "c"), UnavailableError("refused"));
  ExpectError(items, "fail to connect the milvus: refused", "the address and the token");
  EXPECT_EQ(items[0].object, "http://h:1");
  EXPECT_EQ(FirstRefusal(items).code(), StatusCode::kUnavailable);
  const PlanItems denied =
      JudgeTarget(Named("t", "c"), Status(StatusCode::kUnauthenticated, "wrong password"));
  EXPECT_EQ(FirstRefusal(denied).code(), StatusCode::kUnauthenticated);
  EXPECT_EQ(FirstRefusal(denied).message(), "fail to connect the milvus: wrong password");
  const PlanItems reached = JudgeTarget(Named("t", "c"), TargetInfo{.version = "2.3.5"});
  EXPECT_TRUE(FirstRefusal(reached).ok());
  EXPECT_THAT(reached[0].finding, HasSubstr("version 2.3.5"));
}

TEST(JudgeCreateTest, TheSinkModeIsChosenOrRefused) {
  TaskSpec spec = Named("t", "c");
  spec.sink_mode = SinkMode::kAuto;
  const PlanItems chosen = JudgeSink({.is_standby = true, .identity = "i"}, &spec);
  EXPECT_TRUE(FirstRefusal(chosen).ok());
  EXPECT_EQ(spec.sink_mode, SinkMode::kReplicate);
  EXPECT_EQ(spec.target_identity, "i");
  EXPECT_THAT(chosen[0].finding, HasSubstr("sink mode replicate"));
  ExpectError(JudgeSink({.is_standby = false}, &spec), "needs a standby", "ttMsgEnabled: false");
  spec.sink_mode = SinkMode::kApi;
  ExpectError(JudgeSink({.is_standby = true}, &spec), "is a standby", "remove common.ttMsgEnabled");
}

TEST(JudgeCreateTest, TheRightsOfTheUser) {
  TaskSpec spec = Named("t", "c");
  spec.enable_user_role = true;
  ExpectError(JudgeSink({.access_refusal = "no admin"}, &spec), "no admin", "the role admin");
  const PlanItems items = JudgeSink({.standby_refusal = "not permitted"}, &spec);
  EXPECT_EQ(items.back().severity, PlanSeverity::kNote);
  EXPECT_THAT(items.back().finding, HasSubstr("not permitted"));
}

TEST(JudgeCreateTest, OtherTasksOfTheTarget) {
  const TaskSpec older = Named("old", "a");
  TaskSpec spec = Named("t", "a");
  ExpectError(JudgeBesideOthers({&older}, &spec), "duplicate with existing task, [default.a]",
              "exclude");
  TaskSpec all = Named("t", "*");
  const PlanItems left = JudgeBesideOthers({&older}, &all);
  EXPECT_TRUE(FirstRefusal(left).ok());
  ASSERT_EQ(left.size(), 1U);
  EXPECT_EQ(left[0].object, "default.a");
  EXPECT_EQ(all.left_to_older.size(), 1U);
}

TEST(JudgeCreateTest, ANameThatAnotherTaskWrites) {
  const TaskSpec older = Named("old", "a");
  TaskSpec spec = Named("t", "b");
  spec.name_mapping = {
      {.source_database = "default", .target_database = "default", .collections = {{"b", "a"}}}};
  ExpectError(JudgeBesideOthers({&older}, &spec), "the target name is duplicate", "name_mapping");
}

TEST(JudgeCreateTest, AllIsToldAndNotOnlyTheFirstError) {
  TaskSpec older = Named("old", "a");
  older.enable_user_role = true;
  TaskSpec spec = Named("t", "a");
  spec.enable_user_role = true;
  const PlanItems items = JudgeBesideOthers({&older}, &spec);
  EXPECT_EQ(CountItems(items).at(PlanSeverity::kError), 2U);
  EXPECT_THAT(FirstRefusal(items).message(), HasSubstr("enable user role"));
}

TEST(JudgeCreateTest, TheLimit) {
  EXPECT_EQ(FirstRefusal(JudgeLimit(3, 3)).code(), StatusCode::kResourceExhausted);
  EXPECT_TRUE(FirstRefusal(JudgeLimit(2, 3)).ok());
  EXPECT_FALSE(FirstRefusal(JudgeLimit(0, -1)).ok());
}

}  // namespace
}  // namespace cdc
