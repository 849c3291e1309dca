// TaskManager::ChangeTask, as far as the tests of the REST API do not see it.
#include <functional>
#include <future>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/eventually.h"
#include "control/task_manager.h"
#include "control/testing/fake_replicator.h"
#include "metastore/testing/in_memory_meta_store.h"

namespace cdc {
namespace {

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

  static TaskManager::SpecChange To(const MilvusConnectParam& wanted) {
    return [wanted](const TaskView&, TaskSpec* spec) {
      spec->target = wanted;
      return OkStatus();
    };
  }
  Status Change(const std::string& id, const MilvusConnectParam& target) {
    return manager_.ChangeTask(id, To(target)).status();
  }
  TaskRecord Stored(const std::string& id) {
    const auto records = store_.ListTasks();
    for (const TaskRecord& record : *records) {
      if (record.spec.id == id) {
        return record;
      }
    }
    ADD_FAILURE() << "no task " << id;
    return {};
  }

  // As the connections to standbys: whoever comes while one is held gets that one.
  std::shared_ptr<void> HoldStandby(const TaskSpec& spec) {
    std::shared_ptr<std::string> held = standby_.lock();
    if (held == nullptr) {
      held = std::make_shared<std::string>(spec.target.token);
      standby_ = held;
      ++connections_;
    }
    return held;
  }
  Status ChangeStandby(const TaskSpec&, const TaskSpec& now) {
    CDC_RETURN_IF_ERROR(change_status_);
    *standby_.lock() = now.target.token;
    return OkStatus();
  }
  TaskManagerOptions Options() {
    return {.store = &store_,
            .replicator = &replicator_,
            .hold_standby = [this](const TaskSpec& spec) { return HoldStandby(spec); },
            .change_standby =
                [this](const TaskSpec& before, const TaskSpec& now) {
                  EXPECT_EQ(before.target.token, "old");
                  return ChangeStandby(before, now);
                }};
  }

  InMemoryMetaStore store_;
  FakeReplicator replicator_;
  std::weak_ptr<std::string> standby_;
  int connections_ = 0;
  Status change_status_;
  TaskManager manager_{Options()};
};

TEST_F(ChangeTargetTest, TheConnectionToAStandbyGoesOnWithTheNewCredentials) {
  replicator_.SetStandby(true);
  ASSERT_TRUE(manager_.Create(OfCollection("t")).ok());
  const auto view = standby_.lock();  // as somebody who looks at the task does
  ASSERT_TRUE(Change("t", WithToken("new")).ok());
  EXPECT_EQ(*view, "new");
  EXPECT_EQ(connections_, 1);
  EXPECT_TRUE(Eventually([&] { return replicator_.starts("t") == 2; }));
  EXPECT_EQ(replicator_.last_started("t").target.token, "new");
  EXPECT_EQ((*manager_.Get("t")).record.spec.sink_mode, SinkMode::kReplicate);
}

TEST_F(ChangeTargetTest, TheTasksOfAStandbyShareItsConnectionAndKeepTheirCredentials) {
  replicator_.SetStandby(true);
  ASSERT_TRUE(manager_.Create(OfCollection("t")).ok());
  ASSERT_TRUE(manager_.Create(OfCollection("u")).ok());
  ASSERT_TRUE(Change("t", WithToken("new")).ok());
  EXPECT_EQ(*standby_.lock(), "new");
  EXPECT_EQ(Stored("t").spec.target.token, "new");
  EXPECT_EQ(Stored("u").spec.target.token, "old");
  EXPECT_EQ(replicator_.starts("u"), 1);
  // With two addresses there would be two connections.
  MilvusConnectParam elsewhere = WithToken("new");
  elsewhere.uri = "http://127.0.0.1:2";
  const Status refused = Change("t", elsewhere);
  EXPECT_EQ(refused.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(refused.message(), HasSubstr("the standby that task u writes to"));
}

TEST_F(ChangeTargetTest, AStandbyDoesNotGetTheAddressOfAnotherOne) {
  replicator_.SetStandby(true);
  ASSERT_TRUE(manager_.Create(OfCollection("t")).ok());
  replicator_.SetIdentity("milvus-2");
  TaskSpec other = OfCollection("u");
  other.target.uri = "http://127.0.0.1:2";
  ASSERT_TRUE(manager_.Create(other).ok());
  EXPECT_THAT(Change("u", WithToken("new")).message(),
              HasSubstr("task t has this address for another standby"));
  EXPECT_EQ(Stored("u").spec.target.uri, "http://127.0.0.1:2");
}

TEST_F(ChangeTargetTest, AConnectionThatCannotBeChangedIsReported) {
  replicator_.SetStandby(true);
  ASSERT_TRUE(manager_.Create(OfCollection("t")).ok());
  change_status_ = UnavailableError("still in use");
  EXPECT_EQ(Change("t", WithToken("new")).message(), "still in use");
  EXPECT_TRUE(Eventually([&] { return replicator_.starts("t") == 2; }));
}

TEST_F(ChangeTargetTest, AStoreThatCannotBeWrittenLeavesTheTaskRunningAsItWas) {
  replicator_.SetStandby(true);
  ASSERT_TRUE(manager_.Create(OfCollection("t")).ok());
  store_.FailWith(InternalError("disk full"));
  EXPECT_THAT(Change("t", WithToken("new")).message(), HasSubstr("disk full"));
  EXPECT_TRUE(replicator_.running("t"));
  EXPECT_EQ(replicator_.starts("t"), 1);
  EXPECT_EQ((*manager_.Get("t")).record.spec.target.token, "old");
  EXPECT_EQ(*standby_.lock(), "old");
}

TEST_F(ChangeTargetTest, OfTwoChangesAtOnceNoneIsLost) {
  ASSERT_TRUE(manager_.Create(OfCollection("t")).ok());
  replicator_.CorkChecks();
  const auto changed_by = [this](const std::function<void(MilvusConnectParam*)>& merge) {
    return std::async(std::launch::async, [this, merge] {
      return manager_
          .ChangeTask("t",
                      [merge](const TaskView& now, TaskSpec* spec) {
                        EXPECT_EQ(now.record.spec.target.token, spec->target.token);
                        merge(&spec->target);
                        return OkStatus();
                      })
          .status();
    });
  };
  auto token = changed_by([](MilvusConnectParam* target) { target->token = "new"; });
  ASSERT_TRUE(Eventually([&] { return replicator_.hanging() == 1; }));
  auto timeout = changed_by([](MilvusConnectParam* target) { target->connect_timeout = 9; });
  replicator_.UncorkChecks();
  EXPECT_TRUE(token.get().ok());
  EXPECT_TRUE(timeout.get().ok());
  EXPECT_EQ(Stored("t").spec.target.token, "new");
  EXPECT_EQ(Stored("t").spec.target.connect_timeout, 9);
}

TEST_F(ChangeTargetTest, AChangeThatIsNotWantedAnyMoreChangesNothing) {
  ASSERT_TRUE(manager_.Create(OfCollection("t")).ok());
  const Status aborted =
      manager_
          .ChangeTask("t", [](const TaskView&,
                              TaskSpec*) { return FailedPreconditionError("another one"); })
          .status();
  EXPECT_EQ(aborted.message(), "another one");
  EXPECT_EQ(replicator_.starts("t"), 1);
}

TEST_F(ChangeTargetTest, AFailedDryRunStoresNoPause) {
  TaskManagerOptions options = Options();
  options.dry_run = true;
  ASSERT_TRUE(manager_.Create(OfCollection("t")).ok());
  manager_.Stop();
  TaskManager dry(options);
  ASSERT_TRUE(dry.Start().ok());
  ASSERT_TRUE(Eventually([&] { return replicator_.starts("t") == 2; }));
  replicator_.FailTask("t", "broken");
  ASSERT_TRUE(Eventually([&] { return dry.Get("t")->record.state == TaskState::kPaused; }));
  ASSERT_TRUE(dry.ChangeTask("t", To(WithToken("new"))).ok());
  EXPECT_EQ(Stored("t").state, TaskState::kRunning);
  EXPECT_EQ(Stored("t").reason, "");
  EXPECT_EQ(Stored("t").spec.target.token, "new");
  EXPECT_EQ(dry.Get("t")->record.state, TaskState::kPaused);
}

TEST_F(ChangeTargetTest, ATargetThatTellsNotWhoItIsMustHaveWhatTheTaskHasWritten) {
  replicator_.SetIdentity("");
  ASSERT_TRUE(manager_.Create(OfCollection("t")).ok());
  replicator_.SetHasOwn(InvalidArgumentError("none of the task's collections"));
  EXPECT_THAT(Change("t", WithToken("new")).message(), HasSubstr("none of the task's collections"));
  EXPECT_EQ(Stored("t").spec.target.token, "old");
  replicator_.SetHasOwn(OkStatus());
  EXPECT_TRUE(Change("t", WithToken("new")).ok());
}

TEST_F(ChangeTargetTest, ATargetThatNoLongerTellsWhoItIsMustHaveItToo) {
  ASSERT_TRUE(manager_.Create(OfCollection("t")).ok());
  replicator_.SetIdentity("");
  replicator_.SetHasOwn(InvalidArgumentError("none of the task's collections"));
  EXPECT_FALSE(Change("t", WithToken("new")).ok());
  replicator_.SetHasOwn(OkStatus());
  EXPECT_TRUE(Change("t", WithToken("new")).ok());
  EXPECT_EQ(Stored("t").spec.target_identity, "milvus-1");
}

}  // namespace
}  // namespace cdc
