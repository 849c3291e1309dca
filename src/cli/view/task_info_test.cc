#include "cli/view/task_info.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace cdc::cli {
namespace {

// The address may be answered by something that is not a milvus-cdc.
TEST(TaskInfoTest, NumbersThatFitNowhereCountAsLeftOut) {
  const TaskInfo task = ReadTask(nlohmann::ordered_json::parse(
      R"({"checkpoint":[{"channel":"c"}],"lag_ms":1e300,"source_lag_ms":41.5,)"
      R"("bytes_waiting":-1e300,"rows":{"inserted":-1}})"));
  EXPECT_FALSE(task.lag_ms.has_value());
  EXPECT_EQ(task.source_lag_ms, 41);
  EXPECT_EQ(task.bytes_waiting, 0U);
  EXPECT_EQ(task.rows.inserted, 0U);
}

}  // namespace
}  // namespace cdc::cli
