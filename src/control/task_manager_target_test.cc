// TaskManager::ChangeTarget, as far as the tests of the REST API do not see it.
#include <memory>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/eventually.h"
#include "control/task_manager.h"
#include "control/testing/fake_replicator.h"
#include "metastore/testing/in_memory_meta_store.h"

namespace cdc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ChangeTargetTest : public ::testing::Test {
 protected:
  ChangeTargetTest() {
    replicator_.SetIdentity("milvus-1");
    EXPECT_TRUE(manager_.Start().ok());
  }

  static TaskSpec OfCollection(const std::string& id) {
    TaskSpec spec;
    spec.id = id;
    spec.target = WithToken("old");
    spec.collection_infos = {{.name = "c_" + id}};
    return spec;
  }
  static MilvusConnectParam WithToken(const std::string& token) {
    MilvusConnectParam target;
    target.uri = "http://127.0.0.1:1";
    target.token = token;
    return target;
  }

  // As the connections to standbys: whoever comes while one is held gets that one.
  std::shared_ptr<void> HoldStandby(const TaskSpec& spec) {
    std::shared_ptr<std::string> held = standby_.lock();
    if (held == nullptr) {
      held = std::make_shared<std::string>(spec.target.token);
      standby_ = held;
      connections_.push_back(*held);
    }
    return held;
  }

  InMemoryMetaStore store_;
  FakeReplicator replicator_;
  std::weak_ptr<std::string> standby_;
  std::vector<std::string> connections_;
  TaskManager manager_{
      {.store = &store_, .replicator = &replicator_, .hold_standby = [this](const TaskSpec& spec) {
         return HoldStandby(spec);
       }}};
};

TEST_F(ChangeTargetTest, TheConnectionToAStandbyIsMadeAnew) {
  replicator_.SetStandby(true);
  ASSERT_TRUE(manager_.Create(OfCollection("t")).ok());
  ASSERT_TRUE(manager_.ChangeTarget("t", WithToken("new")).ok());
  EXPECT_THAT(connections_, ElementsAre("old", "new"));
  EXPECT_TRUE(Eventually([&] { return replicator_.starts("t") == 2; }));
  EXPECT_EQ(replicator_.last_started("t").target.token, "new");
  EXPECT_EQ((*manager_.Get("t")).record.spec.sink_mode, SinkMode::kReplicate);
}

TEST_F(ChangeTargetTest, AStandbyThatAnotherTaskUsesKeepsItsCredentials) {
  replicator_.SetStandby(true);
  ASSERT_TRUE(manager_.Create(OfCollection("t")).ok());
  ASSERT_TRUE(manager_.Create(OfCollection("u")).ok());
  const Status refused = manager_.ChangeTarget("t", WithToken("new"));
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(refused.message(), HasSubstr("task u writes to it over the same connection"));
  EXPECT_EQ((*manager_.Get("t")).record.spec.target.token, "old");
  // Two tasks of another target have a connection each.
  replicator_.SetStandby(false);
  replicator_.SetIdentity("milvus-2");
  ASSERT_TRUE(manager_.Create(OfCollection("v")).ok());
  ASSERT_TRUE(manager_.Create(OfCollection("w")).ok());
  EXPECT_TRUE(manager_.ChangeTarget("v", WithToken("new")).ok());
}

TEST_F(ChangeTargetTest, AStoreThatCannotBeWrittenLeavesTheTaskAsItWas) {
  ASSERT_TRUE(manager_.Create(OfCollection("t")).ok());
  store_.FailWith(InternalError("disk full"));
  EXPECT_THAT(manager_.ChangeTarget("t", WithToken("new")).message(), HasSubstr("disk full"));
  EXPECT_TRUE(Eventually([&] { return replicator_.starts("t") >= 2; }));
  EXPECT_EQ(replicator_.last_started("t").target.token, "old");
}

}  // namespace
}  // namespace cdc
