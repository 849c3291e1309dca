// What a server refuses that is not set to experimental.
#include <string>
#include <utility>

#include "control/task_manager.h"
#include "control/testing/fake_replicator.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "metastore/testing/in_memory_meta_store.h"

namespace cdc {
namespace {

using ::testing::HasSubstr;

constexpr Timestamp kAnEnd{1000};

class ExperimentalTest : public ::testing::Test {
 protected:
  ExperimentalTest() { EXPECT_TRUE(manager_.Start().ok()); }

  static TaskSpec Spec(Timestamp stop_at) {
    TaskSpec spec;
    spec.id = "t";
    spec.target.uri = "http://127.0.0.1:1";
    spec.collection_infos = {{.name = "c"}};
    spec.stop_at = stop_at;
    return spec;
  }
  static void ExpectRefused(const Status& status, const std::string& what) {
    EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition) << status.ToString();
    EXPECT_THAT(status.message(), HasSubstr(what + " is experimental"));
    EXPECT_THAT(status.message(), HasSubstr("experimental: true"));
  }

  InMemoryMetaStore store_;
  FakeReplicator replicator_;
  TaskManager manager_{{.store = &store_, .replicator = &replicator_, .experimental = false}};
};

TEST_F(ExperimentalTest, AnEnd) {
  ExpectRefused(manager_.Create(Spec(kAnEnd)).status(), "stop_at");
  ExpectRefused(FirstRefusal(manager_.Plan(Spec(kAnEnd))), "stop_at");
  ASSERT_TRUE(manager_.Create(Spec({})).ok());
  ASSERT_TRUE(manager_.Pause("t").ok());
  ExpectRefused(manager_.Resume("t", {.stop_at = kAnEnd}).status(), "stop_at");
  EXPECT_TRUE(manager_.Resume("t", {.stop_at = Timestamp{}}).ok());
}

TEST_F(ExperimentalTest, OtherPositions) {
  ASSERT_TRUE(manager_.Create(Spec({})).ok());
  ASSERT_TRUE(manager_.Pause("t").ok());
  ResumeOptions options{.positions = {{{"default", "c"}, {}}}, .force = true};
  ExpectRefused(manager_.Resume("t", options).status(), "a resume with positions");
}

TEST_F(ExperimentalTest, AnotherScope) {
  ASSERT_TRUE(manager_.Create(Spec({})).ok());
  ASSERT_TRUE(manager_.Pause("t").ok());
  const auto change = [this](auto set) {
    return manager_
        .ChangeTask("t",
                    [set](const TaskView&, TaskSpec* spec) {
                      set(spec);
                      return OkStatus();
                    })
        .status();
  };
  ExpectRefused(change([](TaskSpec* spec) { spec->collection_infos.push_back({.name = "d"}); }),
                "a change of what a task covers");
  EXPECT_TRUE(change([](TaskSpec* spec) { spec->target.token = "new"; }).ok());
}

}  // namespace
}  // namespace cdc
