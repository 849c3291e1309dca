#include "metastore/task_spec_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TaskSpec Small() {
  TaskSpec spec;
  spec.id = "t";
  spec.sink_mode = SinkMode::kApi;
  return spec;
}

// A program that does not know the field would go on past the end, so it must not read the task.
TEST(TaskSpecJson, ATaskWithAnEndIsOfANewerVersion) {
  TaskSpec spec = Small();
  EXPECT_THAT(EncodeTaskSpec(spec), HasSubstr(R"("version":1)"));
  EXPECT_THAT(EncodeTaskSpec(spec), Not(HasSubstr("stop_at")));
  spec.stop_at = {470'643'311'880'437'761};
  const std::string text = EncodeTaskSpec(spec);
  EXPECT_THAT(text, HasSubstr(R"("version":2)"));
  const Result<TaskSpec> read = DecodeTaskSpec("t", text);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->stop_at, spec.stop_at);
}

TEST(TaskSpecJson, ATaskOfANewerProgramIsRefused) {
  std::string text = EncodeTaskSpec(Small());
  const size_t at = text.find(R"("version":1)");
  ASSERT_NE(at, std::string::npos);
  text.replace(at, 11, R"("version":3)");
  EXPECT_THAT(DecodeTaskSpec("t", text).status().message(), HasSubstr("by a newer program"));
}

}  // namespace
}  // namespace cdc
