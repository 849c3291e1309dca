#include "model/task_plan.h"

#include <gtest/gtest.h>

namespace cdc {
namespace {

TEST(TaskPlanTest, TheCureIsCutOffTheFinding) {
  const PlanItem item = RefusedItem(
      "rows", "db.c", InvalidArgumentError("it is not there: leave it out"), "leave it out");
  EXPECT_EQ(item.severity, PlanSeverity::kError);
  EXPECT_EQ(item.finding, "it is not there");
  EXPECT_EQ(item.cure, "leave it out");
  EXPECT_EQ(item.refusal.message(), "it is not there: leave it out");
  EXPECT_EQ(RefusedItem("rows", "", NotFoundError("gone"), "wait").finding, "gone");
}

TEST(TaskPlanTest, TheFirstErrorIsWhatACreateFailsWith) {
  PlanItems items = {{.severity = PlanSeverity::kWarning, .finding = "hm"}};
  EXPECT_TRUE(FirstRefusal(items).ok());
  AppendItems({RefusedItem("a", "", NotFoundError("first"), ""),
               RefusedItem("b", "", InternalError("second"), "")},
              &items);
  EXPECT_EQ(FirstRefusal(items), NotFoundError("first"));
  const auto counts = CountItems(items);
  EXPECT_EQ(counts.at(PlanSeverity::kError), 2U);
  EXPECT_EQ(counts.at(PlanSeverity::kWarning), 1U);
  EXPECT_EQ(counts.at(PlanSeverity::kOk), 0U);
}

}  // namespace
}  // namespace cdc
