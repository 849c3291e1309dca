#include "control/task_manager.h"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/eventually.h"
#include "base/testing/fake_clock.h"
#include "control/drain_goal.h"
#include "control/task_id.h"
#include "control/testing/fake_replicator.h"
#include "metastore/testing/in_memory_meta_store.h"

namespace cdc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::SizeIs;

constexpr const char* kByHand = "manually pause through http interface";

TaskSpec MakeSpec(const std::string& id,
                  const std::string& collection = "",
                  const std::string& uri = "http://127.0.0.1:1") {
  TaskSpec spec;
  spec.id = id;
  spec.target.uri = uri;
  spec.collection_infos = {{collection.empty() ? "c_" + id : collection, {}, false}};
  return spec;
}

class TaskManagerTest : public ::testing::Test {
 protected:
  TaskManagerTest() { Restart(); }
  ~TaskManagerTest() override {
    replicator_.UncorkChecks();
    replicator_.UncorkStarts();
  }

  // A new server process on the same store.
  void Restart() {
    manager_.reset();
    manager_ = std::make_unique<TaskManager>(TaskManagerOptions{
        .store = &store_,
        .replicator = &replicator_,
        .max_tasks = max_tasks_,
        .replicate_channel = "requests",
        .source_status = [this] { return source_status_; },
        .start_backoff = {std::chrono::milliseconds(1), std::chrono::milliseconds(4)},
        .hold_standby =
            [this](const TaskSpec& spec) {
              EXPECT_EQ(spec.sink_mode, SinkMode::kReplicate);
              ++held_;
              return std::shared_ptr<void>(this, [this](void*) { --held_; });
            },
        .threads = 2,
        .clock = &clock_});
    ASSERT_TRUE(manager_->Start().ok());
  }

  std::string MustCreate(TaskSpec spec) {
    Result<TaskManager::Created> created = manager_->Create(std::move(spec));
    EXPECT_TRUE(created.ok()) << created.status().ToString();
    return created.ok() ? created->id : "";
  }

  // The record in the store: a state that only memory has would not survive.
  TaskRecord Stored(const std::string& id) {
    const auto records = store_.ListTasks();
    EXPECT_TRUE(records.ok()) << records.status().ToString();
    for (const TaskRecord& record : records.ok() ? *records : std::vector<TaskRecord>()) {
      if (record.spec.id == id) {
        return record;
      }
    }
    ADD_FAILURE() << id << " is not stored";
    return {};
  }

  TaskView View(const std::string& id) {
    Result<TaskView> view = manager_->Get(id);
    EXPECT_TRUE(view.ok()) << view.status().ToString();
    return view.ok() ? *std::move(view) : TaskView();
  }

  bool WaitForState(const std::string& id, TaskState state) {
    return Eventually([&] { return View(id).record.state == state; });
  }

  // Lets time pass until `condition` holds.
  bool EventuallyInTime(const std::function<bool()>& condition) {
    return Eventually([&] {
      clock_.Advance(std::chrono::milliseconds(1));
      return condition();
    });
  }

  FakeClock clock_;
  InMemoryMetaStore store_;
  FakeReplicator replicator_;
  Status source_status_;
  int max_tasks_ = 100;
  std::atomic<int> held_ = 0;  // held standbys
  std::unique_ptr<TaskManager> manager_;
};

TEST(TaskIdTest, IsARandomUuidWithoutDashes) {
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) {
    const std::string id = NewTaskId();
    EXPECT_THAT(id, MatchesRegex("[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}"));
    ids.insert(id);
  }
  EXPECT_THAT(ids, SizeIs(100));
}

TEST_F(TaskManagerTest, CreateStoresAndRuns) {
  const std::string id = MustCreate(MakeSpec("", "c"));
  EXPECT_THAT(id, SizeIs(32));
  EXPECT_TRUE(replicator_.running(id));
  EXPECT_THAT(replicator_.prepared(), ElementsAre(id));
  EXPECT_EQ(Stored(id).state, TaskState::kRunning);
  EXPECT_EQ(View(id).record.state, TaskState::kRunning);
  EXPECT_TRUE(View(id).live);
}

TEST_F(TaskManagerTest, AStandbyIsHeldAsLongAsItsTaskIsThere) {
  MustCreate(MakeSpec("t0"));
  EXPECT_EQ(held_, 0);
  replicator_.SetStandby(true);
  MustCreate(MakeSpec("t1"));
  EXPECT_EQ(held_, 1);
  EXPECT_EQ(Stored("t1").spec.sink_mode, SinkMode::kReplicate);
  EXPECT_TRUE(manager_->Pause("t1").ok());
  EXPECT_EQ(held_, 1);
  Restart();
  EXPECT_EQ(held_, 1);
  EXPECT_TRUE(manager_->Delete("t1", false).ok());
  EXPECT_EQ(held_, 0);
}

TEST_F(TaskManagerTest, CreateOfAnExistingIdChangesNothing) {
  MustCreate(MakeSpec("t1", "c1"));
  EXPECT_EQ(MustCreate(MakeSpec("t1", "other")), "t1");
  EXPECT_EQ(Stored("t1").spec.collection_infos[0].name, "c1");
  EXPECT_THAT(replicator_.prepared(), SizeIs(1));
}

TEST_F(TaskManagerTest, DeadTargetIsToldBeforeTheIdIsLookedAt) {
  MustCreate(MakeSpec("t1"));
  replicator_.SetCheckStatus(FailedPreconditionError("connection refused"));
  const Status status = manager_->Create(MakeSpec("t1")).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), "fail to connect the milvus: connection refused");
}

TEST_F(TaskManagerTest, CreateNeedsTheSource) {
  source_status_ = FailedPreconditionError("the source is not ready: etcd does not answer");
  const Status status = manager_->Create(MakeSpec("t1")).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), "the source is not ready: etcd does not answer");
}

TEST_F(TaskManagerTest, AKnownIdNeedsNoSource) {
  MustCreate(MakeSpec("t1", "c1"));
  source_status_ = FailedPreconditionError("the source is not ready: etcd does not answer");
  EXPECT_EQ(MustCreate(MakeSpec("t1", "other")), "t1");
  EXPECT_EQ(Stored("t1").spec.collection_infos[0].name, "c1");
}

TEST_F(TaskManagerTest, OverlapIsRefusedPerTarget) {
  MustCreate(MakeSpec("t1", "c"));
  const Status status = manager_->Create(MakeSpec("t2", "c")).status();
  EXPECT_EQ(status.code(), StatusCode::kAlreadyExists);
  EXPECT_EQ(status.message(), "the collection name is duplicate with existing task, [default.c]");
  MustCreate(MakeSpec("t3", "c", "http://127.0.0.1:2"));
  ASSERT_TRUE(manager_->Delete("t1", false).ok());
  MustCreate(MakeSpec("t4", "c"));
}

TEST_F(TaskManagerTest, OneTaskOfATargetReplicatesUsersAndRoles) {
  replicator_.SetIdentity("42");
  TaskSpec first = MakeSpec("t1", "a", "http://milvus-1");
  first.enable_user_role = true;
  MustCreate(first);
  Restart();
  EXPECT_TRUE(View("t1").record.spec.enable_user_role);
  TaskSpec second = MakeSpec("t2", "b", "http://milvus-2");
  second.enable_user_role = true;
  const Status status = manager_->Create(second).status();
  EXPECT_EQ(status.code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(status.message(), HasSubstr("the enable user role param is duplicate, task t1"));
  EXPECT_THAT(status.message(), HasSubstr("task t1 as http://milvus-1"));
  MustCreate(MakeSpec("t3", "b", "http://milvus-2"));
  ASSERT_TRUE(manager_->Delete("t3", false).ok());
  // A deleted task leaves them to another one.
  ASSERT_TRUE(manager_->Delete("t1", false).ok());
  MustCreate(second);
}

TEST_F(TaskManagerTest, ATargetWithoutUsersIsRefusedOnlyIfTheyAreWanted) {
  replicator_.SetAccessRefusal("Milvus Lite has no users and roles");
  TaskSpec spec = MakeSpec("t1");
  spec.enable_user_role = true;
  const Status status = manager_->Create(spec).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(),
            "extra_info.enable_user_role: users and roles cannot be replicated to this target: "
            "Milvus Lite has no users and roles");
  MustCreate(MakeSpec("t1"));
}

TEST_F(TaskManagerTest, OneTargetHasOneAddressHoweverItIsWritten) {
  MustCreate(MakeSpec("t1", "c", "http://127.0.0.1:19530"));
  TaskSpec parts = MakeSpec("t2", "c", "");
  parts.target.host = "LocalHost";
  parts.target.port = 19530;
  TaskSpec whole = parts;
  whole.target.host = "HTTP://localhost:19530";
  TaskSpec v6 = parts;
  v6.target.host = "::1";
  for (const TaskSpec& spec :
       {MakeSpec("t2", "c", "http://127.0.0.1:19530/"), MakeSpec("t2", "c", "http://127.0.0.1"),
        MakeSpec("t2", "c", "http://localhost:19530"), MakeSpec("t2", "c", "http://127.1:19530"),
        MakeSpec("t2", "c", "https://127.0.0.1:19530"), MakeSpec("t2", "c", "http://[::1]"), parts,
        whole, v6}) {
    const Status status = manager_->Create(spec).status();
    EXPECT_EQ(status.code(), StatusCode::kAlreadyExists) << spec.target.ResolvedUri();
    EXPECT_EQ(status.message(),
              "the collection name is duplicate with existing task, [default.c] (the target is in "
              "use already by task t1 as http://127.0.0.1:19530)");
  }
  EXPECT_EQ(View("t1").record.spec.target.uri, "http://127.0.0.1:19530");
  MustCreate(MakeSpec("t3", "c", "http://127.0.0.1:19531"));
}

TEST_F(TaskManagerTest, OneMilvusIsOneTargetUnderAllItsNames) {
  replicator_.SetIdentity("42");
  MustCreate(MakeSpec("t1", "c", "http://milvus-1"));
  Restart();
  const Status status = manager_->Create(MakeSpec("t2", "c", "http://milvus-2")).status();
  EXPECT_EQ(status.code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(status.message(), HasSubstr("duplicate with existing task, [default.c]"));
  EXPECT_THAT(status.message(), HasSubstr("task t1 as http://milvus-1"));
  EXPECT_THAT(status.message(), HasSubstr("copy of another one's"));
  MustCreate(MakeSpec("t3", "*", "http://milvus-2"));
  EXPECT_THAT(replicator_.last_started("t3").left_to_older, ElementsAre(LeftName{"default.c", {}}));
  // Another Milvus at the same address is another target.
  replicator_.SetIdentity("43");
  MustCreate(MakeSpec("t4", "c", "http://milvus-1"));
}

TEST_F(TaskManagerTest, ADryRunKeepsNobodyFromAName) {
  TaskSpec dry = MakeSpec("t1", "c");
  dry.dry_run = true;
  MustCreate(dry);
  MustCreate(MakeSpec("t2", "c"));
  // It would be refused as the task that it stands for.
  dry.id = "t3";
  EXPECT_THAT(manager_->Create(dry).status().message(),
              HasSubstr("duplicate with existing task, [default.c]"));
}

TEST_F(TaskManagerTest, AStandbyHasOneAddress) {
  replicator_.SetIdentity("42");
  replicator_.SetStandby(true);
  MustCreate(MakeSpec("t1", "a", "http://standby-1"));
  const Status status = manager_->Create(MakeSpec("t2", "b", "http://standby-2")).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("task t1 writes to as http://standby-1"));
  EXPECT_THAT(status.message(), HasSubstr("copy of another one's"));
  MustCreate(MakeSpec("t2", "b", "http://STANDBY-1:19530/"));
}

TEST_F(TaskManagerTest, AnotherTaskMustNotWriteToTheSameName) {
  MustCreate(MakeSpec("t1", "a"));
  TaskSpec spec = MakeSpec("t2", "b");
  spec.name_mapping = {{"default", "default", {{"b", "a"}}}};
  const auto created = manager_->Create(spec);
  EXPECT_EQ(created.status().code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(created.status().message(), HasSubstr("default.a of default.b"));
  spec.target.uri = "http://127.0.0.1:2";
  EXPECT_TRUE(manager_->Create(spec).ok());
}

TEST_F(TaskManagerTest, WideTaskLeavesOlderNamesToTheirTasksAlsoAfterARestart) {
  MustCreate(MakeSpec("t1", "foo"));
  MustCreate(MakeSpec("t2", "*"));
  EXPECT_THAT(replicator_.last_started("t2").left_to_older,
              ElementsAre(LeftName{"default.foo", {}}));
  EXPECT_FALSE(manager_->Create(MakeSpec("t3", "bar")).ok());
  Restart();
  EXPECT_THAT(Stored("t2").spec.left_to_older, ElementsAre(LeftName{"default.foo", {}}));
  ASSERT_TRUE(manager_->Delete("t1", false).ok());
  MustCreate(MakeSpec("t4", "foo"));
  EXPECT_FALSE(manager_->Create(MakeSpec("t5", "bar")).ok());
}

TEST_F(TaskManagerTest, LimitCountsStoredTasks) {
  max_tasks_ = 2;
  Restart();
  MustCreate(MakeSpec("t1"));
  MustCreate(MakeSpec("t2"));
  const Status status = manager_->Create(MakeSpec("t3")).status();
  EXPECT_EQ(status.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "the task num has reach the limit, 2");
  EXPECT_EQ(MustCreate(MakeSpec("t2")), "t2");
}

TEST_F(TaskManagerTest, ExpiredPositionRefusesTheTaskAndLeavesNothing) {
  replicator_.SetPrepareStatus(OutOfRangeError("position expired: channel dml_0 5 < 9"));
  const Status status = manager_->Create(MakeSpec("t1")).status();
  EXPECT_EQ(status.code(), StatusCode::kOutOfRange);
  EXPECT_EQ(status.message(), "position expired: channel dml_0 5 < 9");
  EXPECT_THAT(manager_->List(), IsEmpty());
  replicator_.SetPrepareStatus(OkStatus());
  MustCreate(MakeSpec("t1"));
}

TEST_F(TaskManagerTest, FailedStartDeletesTheTaskAgain) {
  replicator_.SetStartStatus("", UnavailableError("no leader"));
  const Status status = manager_->Create(MakeSpec("t1")).status();
  EXPECT_EQ(status.code(), StatusCode::kInternal);
  EXPECT_EQ(status.message(), "fail to start task, err: no leader");
  EXPECT_THAT(manager_->List(), IsEmpty());
  EXPECT_THAT(*store_.ListTasks(), IsEmpty());
  EXPECT_EQ(replicator_.starts("t1"), 1);
}

TEST_F(TaskManagerTest, FailedStoreRefusesTheTask) {
  store_.FailWith(UnavailableError("disk full"));
  const Status status = manager_->Create(MakeSpec("t1")).status();
  EXPECT_EQ(status.message(), "fail to put the task info to etcd: disk full");
  EXPECT_THAT(manager_->List(), IsEmpty());
  EXPECT_THAT(replicator_.running(), IsEmpty());
}

TEST_F(TaskManagerTest, PauseAndResume) {
  MustCreate(MakeSpec("t1"));
  ASSERT_TRUE(manager_->Pause("t1").ok());
  EXPECT_FALSE(replicator_.running("t1"));
  EXPECT_EQ(Stored("t1").state, TaskState::kPaused);
  EXPECT_EQ(Stored("t1").reason, kByHand);
  EXPECT_EQ(View("t1").status.condition, Condition::kPaused);
  EXPECT_FALSE(IsFailed(View("t1").record));

  const Status again = manager_->Pause("t1");
  EXPECT_EQ(again, FailedPreconditionError("the task has paused, task_id: t1"));

  ASSERT_TRUE(manager_->Resume("t1").ok());
  EXPECT_TRUE(replicator_.running("t1"));
  EXPECT_EQ(Stored("t1").state, TaskState::kRunning);
  EXPECT_EQ(Stored("t1").reason, "");
  EXPECT_EQ(manager_->Resume("t1").status(),
            FailedPreconditionError("the task has running, task_id: t1"));
}

TEST_F(TaskManagerTest, AResumeMaySetThePolicyForUndecodableRecords) {
  MustCreate(MakeSpec("t1"));
  ASSERT_TRUE(manager_->Pause("t1").ok());
  ASSERT_TRUE(manager_->Resume("t1", {.on_undecodable = OnUndecodable::kSkip}).ok());
  EXPECT_EQ(replicator_.last_started("t1").on_undecodable, OnUndecodable::kSkip);
  EXPECT_EQ(Stored("t1").spec.on_undecodable, OnUndecodable::kSkip);
  ASSERT_TRUE(manager_->Pause("t1").ok());
  ASSERT_TRUE(manager_->Resume("t1").ok());
  EXPECT_EQ(replicator_.last_started("t1").on_undecodable, OnUndecodable::kSkip);

  // A failed resume changes nothing.
  ASSERT_TRUE(manager_->Pause("t1").ok());
  replicator_.SetStartStatus("t1", InternalError("no route"));
  ASSERT_FALSE(manager_->Resume("t1", {.on_undecodable = OnUndecodable::kStop}).ok());
  replicator_.SetStartStatus("t1", OkStatus());
  ASSERT_TRUE(manager_->Resume("t1").ok());
  EXPECT_EQ(replicator_.last_started("t1").on_undecodable, OnUndecodable::kSkip);
}

TEST_F(TaskManagerTest, APausedTaskIsNotSyncedWithoutItsCopies) {
  MustCreate(MakeSpec("t1"));
  ASSERT_TRUE(manager_->Pause("t1").ok());
  MetaStore::Progress progress;
  progress.channels = {{"c_0", MsgId{"id"}, {100}, {}}};
  progress.collections = {{{5}, {"db", "begun"}, {"db", "begun"}, {"c_0"}, {1}, {}}};
  progress.snapshots = {{.collection = {5}}, {.collection = {6}}};
  ASSERT_TRUE(store_.ReplaceProgress("t1", progress).ok());
  Restart();
  EXPECT_THAT(MissingUpTo(View("t1"), {90}),
              ElementsAre("stored rows of db.begun are not yet copied",
                          "stored rows of .6 are not yet copied"));
  progress.snapshots = {{.collection = {5}, .done = true}, {.collection = {6}, .done = true}};
  ASSERT_TRUE(store_.ReplaceProgress("t1", progress).ok());
  Restart();
  EXPECT_THAT(MissingUpTo(View("t1"), {90}), IsEmpty());
}

TEST_F(TaskManagerTest, UnknownIds) {
  EXPECT_EQ(manager_->Pause("x"), NotFoundError("not found the task, task_id: x"));
  EXPECT_EQ(manager_->Resume("x").status(), NotFoundError("not found the task, task_id: x"));
  EXPECT_EQ(manager_->Delete("x", false), NotFoundError("not found the task, task_id: x"));
  EXPECT_TRUE(manager_->Delete("x", true).ok());
  EXPECT_EQ(manager_->Get("x").status(), NotFoundError("not found: [x]"));
}

TEST_F(TaskManagerTest, ATaskThatNeedsAChangeGoesOnAfterIt) {
  MustCreate(MakeSpec("t1"));
  replicator_.FailTask("t1", "a collection is refused", {.set_aside = {{{5}, "refused"}}});
  ASSERT_TRUE(Eventually([&] { return replicator_.starts("t1") == 2; }));
  EXPECT_EQ(View("t1").record.state, TaskState::kRunning);
  ASSERT_THAT(replicator_.changes("t1"), SizeIs(1));
  EXPECT_EQ(replicator_.changes("t1")[0].set_aside.at({5}), "refused");
}

TEST_F(TaskManagerTest, AChangeThatIsRefusedPausesTheTask) {
  MustCreate(MakeSpec("t1"));
  replicator_.SetChangeStatus(FailedPreconditionError("no storage"));
  replicator_.FailTask("t1", "position expired", {.expired = {"dml_0"}});
  ASSERT_TRUE(Eventually([&] { return View("t1").record.state == TaskState::kPaused; }));
  EXPECT_EQ(Stored("t1").reason, "fail to start task, err: no storage");
  EXPECT_EQ(replicator_.starts("t1"), 1);
}

TEST_F(TaskManagerTest, AChangeThatIsNotPossibleNowIsTriedAgain) {
  MustCreate(MakeSpec("t1"));
  replicator_.SetChangeStatus(UnavailableError("etcd away"));
  replicator_.FailTask("t1", "a copy is done", {.follow_copied = {{5}}});
  ASSERT_TRUE(Eventually([&] { return View("t1").status.reason == "etcd away"; }));
  EXPECT_EQ(View("t1").status.condition, Condition::kRetrying);
  // Nor is it forgotten by a pause in between.
  ASSERT_TRUE(manager_->Pause("t1").ok());
  replicator_.SetChangeStatus(OkStatus());
  ASSERT_TRUE(manager_->Resume("t1").ok());
  ASSERT_THAT(replicator_.changes("t1"), SizeIs(1));
  EXPECT_TRUE(replicator_.changes("t1")[0].follow_copied.contains({5}));
  EXPECT_EQ(replicator_.starts("t1"), 2);
}

TEST_F(TaskManagerTest, CollectionsAreChangedByName) {
  MustCreate(MakeSpec("t1"));
  replicator_.SetCollections({{{"db", "a"}, {5}}, {{"db", "b"}, {6}}});
  using Change = TaskManager::CollectionChange;
  EXPECT_EQ(manager_->ChangeCollections("t2", Change::kRetry, {{"db", "a"}}).code(),
            StatusCode::kNotFound);
  EXPECT_EQ(manager_->ChangeCollections("t1", Change::kRetry, {{"db", "a"}, {"db", "c"}}).code(),
            StatusCode::kNotFound);
  EXPECT_EQ(replicator_.starts("t1"), 1) << "it was not even stopped";
  ASSERT_TRUE(manager_->ChangeCollections("t1", Change::kCopy, {{"db", "a"}, {"db", "b"}}).ok());
  ASSERT_TRUE(Eventually([&] { return replicator_.running("t1"); }));
  EXPECT_EQ(replicator_.changes("t1").at(0).copy_again,
            (std::map<CollectionId, CopySelection>{{{5}, {}}, {{6}, {}}}));
  const CopySelection some{.partitions = {"p"}, .filter = "price > 10"};
  ASSERT_TRUE(manager_->ChangeCollections("t1", Change::kCopy, {{"db", "a"}}, some).ok());
  EXPECT_EQ(replicator_.changes("t1").at(1).copy_again,
            (std::map<CollectionId, CopySelection>{{{5}, some}}));
  ASSERT_TRUE(manager_->Pause("t1").ok());
  ASSERT_TRUE(manager_->ChangeCollections("t1", Change::kRetry, {{"db", "a"}}).ok());
  EXPECT_FALSE(replicator_.running("t1")) << "it stays paused";
  replicator_.SetChangeStatus(FailedPreconditionError("is being copied already"));
  EXPECT_EQ(manager_->ChangeCollections("t1", Change::kCancel, {{"db", "a"}}).code(),
            StatusCode::kFailedPrecondition);
}

TEST_F(TaskManagerTest, ACopyThatIsAskedForIsShownAtOnce) {
  MustCreate(MakeSpec("t1"));
  replicator_.SetCollections({{{"db", "a"}, {5}}});
  ASSERT_TRUE(store_.PutCollection("t1", {.id = {5}, .source = {"db", "a"}}).ok());
  ASSERT_TRUE(
      store_.PutSnapshot("t1", {.collection = {5}, .selection = {.partitions = {"p"}}}).ok());
  replicator_.CorkStarts();
  ASSERT_TRUE(
      manager_->ChangeCollections("t1", TaskManager::CollectionChange::kCopy, {{"db", "a"}}).ok());
  const TaskStatus status = View("t1").status;
  ASSERT_THAT(status.snapshots, SizeIs(1));
  EXPECT_EQ(status.snapshots[0].collection, (CollectionName{"db", "a"}));
  EXPECT_THAT(status.snapshots[0].selection.partitions, ElementsAre("p"));
  EXPECT_FALSE(status.snapshots[0].done);
  replicator_.UncorkStarts();
}

TEST_F(TaskManagerTest, FailedResumeStaysPaused) {
  MustCreate(MakeSpec("t1"));
  ASSERT_TRUE(manager_->Pause("t1").ok());
  replicator_.SetStartStatus("t1", UnavailableError("no route"));
  EXPECT_EQ(manager_->Resume("t1").status(),
            InternalError("fail to start the task, task_id: t1: no route"));
  EXPECT_EQ(View("t1").record.state, TaskState::kPaused);
  EXPECT_EQ(Stored("t1").reason, kByHand);
}

TEST_F(TaskManagerTest, PauseThatCannotBeStoredLeavesTheTaskRunning) {
  MustCreate(MakeSpec("t1"));
  store_.FailWith(UnavailableError("disk full"));
  EXPECT_EQ(manager_->Pause("t1"),
            InternalError("fail to update the task state, task_id: t1: disk full"));
  EXPECT_TRUE(replicator_.running("t1"));
  EXPECT_EQ(View("t1").record.state, TaskState::kRunning);
}

TEST_F(TaskManagerTest, DeleteThatCannotBeStoredStartsTheTaskAgain) {
  MustCreate(MakeSpec("t1"));
  store_.FailWith(UnavailableError("disk full"));
  EXPECT_EQ(manager_->Delete("t1", true),
            InternalError("fail to delete the task meta, task_id: t1"));
  EXPECT_TRUE(Eventually([this] { return replicator_.running("t1"); }));
  store_.FailWith(OkStatus());
  EXPECT_TRUE(manager_->Delete("t1", false).ok());
  EXPECT_THAT(manager_->List(), IsEmpty());
  EXPECT_FALSE(replicator_.running("t1"));
}

TEST_F(TaskManagerTest, PauseOfAnInitialTask) {
  TaskRecord record{MakeSpec("t1"), TaskState::kInitial, ""};
  ASSERT_TRUE(store_.PutTask(record).ok());
  // Without executor threads nothing is started.
  manager_.reset();
  manager_ = std::make_unique<TaskManager>(
      TaskManagerOptions{.store = &store_, .replicator = &replicator_, .threads = 0});
  ASSERT_TRUE(manager_->Start().ok());
  EXPECT_EQ(manager_->Pause("t1"),
            InternalError("fail to update the task state, task_id: t1: the task state can be only "
                          "set to [Paused] when current state is [Running], but current state is "
                          "Initial. You can retry it."));
}

TEST_F(TaskManagerTest, FailedReplicationPausesItsTaskOnly) {
  MustCreate(MakeSpec("t1"));
  MustCreate(MakeSpec("t2"));
  replicator_.FailTask("t1", "schema differs: field id");
  ASSERT_TRUE(WaitForState("t1", TaskState::kPaused));
  EXPECT_TRUE(Eventually([this] { return !replicator_.running("t1"); }));
  EXPECT_EQ(Stored("t1").reason, "schema differs: field id");
  EXPECT_EQ(View("t1").status.reason, "schema differs: field id");
  EXPECT_TRUE(IsFailed(View("t1").record));
  EXPECT_TRUE(replicator_.running("t2"));
  EXPECT_EQ(View("t2").record.state, TaskState::kRunning);
  ASSERT_TRUE(manager_->Resume("t1").ok());
  EXPECT_TRUE(replicator_.running("t1"));
}

TEST_F(TaskManagerTest, RestartKeepsStatesAndStartsWhatRan) {
  MustCreate(MakeSpec("running"));
  MustCreate(MakeSpec("paused"));
  ASSERT_TRUE(manager_->Pause("paused").ok());
  TaskSpec spec = MakeSpec("no-auto");
  spec.disable_auto_start = true;
  MustCreate(spec);
  EXPECT_TRUE(replicator_.running("no-auto"));
  ASSERT_TRUE(store_.PutTask({MakeSpec("initial"), TaskState::kInitial, ""}).ok());
  Restart();
  ASSERT_TRUE(Eventually([this] { return replicator_.running().size() == 2; }));
  EXPECT_THAT(replicator_.running(), ElementsAre("initial", "running"));
  EXPECT_TRUE(WaitForState("initial", TaskState::kRunning));
  EXPECT_EQ(View("paused").record.state, TaskState::kPaused);
  EXPECT_EQ(View("paused").record.reason, kByHand);
  EXPECT_EQ(Stored("no-auto").state, TaskState::kPaused);
  EXPECT_EQ(Stored("no-auto").reason, "the task is disabled auto start");
}

TEST_F(TaskManagerTest, PausedTaskShowsItsStoredCheckpointAfterARestart) {
  MustCreate(MakeSpec("t1"));
  ASSERT_TRUE(manager_->Pause("t1").ok());
  ASSERT_TRUE(store_.SaveCheckpoints("t1", {{"dml_0", MsgId{"id"}, {7}, {}}}).ok());
  ASSERT_TRUE(
      store_.PutCollection("t1", {{5}, {"default", "c"}, {"default", "c"}, {"dml_0"}, {1}, {}})
          .ok());
  Restart();
  const TaskView view = View("t1");
  EXPECT_FALSE(view.live);
  ASSERT_THAT(view.status.channels, SizeIs(1));
  EXPECT_EQ(view.status.channels[0].checkpoint, Timestamp{7});
  const auto positions = manager_->Positions("");
  ASSERT_TRUE(positions.ok());
  ASSERT_THAT(positions->source, SizeIs(1));
  EXPECT_EQ(positions->source[0].collection, CollectionId{5});
  EXPECT_THAT(manager_->Positions("unknown")->source, IsEmpty());
}

TEST_F(TaskManagerTest, PositionsShowTheReplicateChannelAndWhereTheLastRowsWere) {
  const Takeover rows{.position = MsgId{"five"}, .ts = Timestamp{5}};
  TaskStatus status;
  status.channels = {{.channel = "dml_0",
                      .resolved = Timestamp{9},
                      .checkpoint = Timestamp{9},
                      .position = MsgId{"nine"},
                      .last_rows = {{CollectionId{6}, rows}}}};
  status.target_rows = {{{"default", "c6"}, "dst_3", Timestamp{8}, MsgId{"eight"}},
                        {{"default", "gone"}, "dst_3", Timestamp{8}, MsgId{"eight"}}};
  replicator_.SetTaskStatus("t1", status);
  MustCreate(MakeSpec("t1"));
  for (const int64_t id : {5, 6}) {
    ASSERT_TRUE(
        store_
            .PutCollection(
                "t1",
                {{id}, {"default", "c"}, {"default", "c" + std::to_string(id)}, {"dml_0"}, {1}, {}})
            .ok());
  }
  ASSERT_TRUE(store_.SaveCheckpoints("t1", {{"requests", MsgId{"two"}, {2}, {}}}).ok());
  const auto positions = manager_->Positions("t1");
  ASSERT_TRUE(positions.ok());
  ASSERT_THAT(positions->source, SizeIs(3));
  EXPECT_EQ(positions->source[0].collection, kReplicateChannelCollection);
  EXPECT_EQ(positions->source[0].channel, "requests");
  EXPECT_EQ(positions->source[0].position, MsgId{"two"});
  EXPECT_EQ(positions->source[0].ts, Timestamp{2});
  EXPECT_EQ(positions->source[1].position, MsgId{"nine"});
  EXPECT_EQ(positions->source[1].last_rows, std::nullopt);
  EXPECT_EQ(positions->source[2].position, MsgId{"nine"});
  EXPECT_EQ(positions->source[2].last_rows, rows);
  ASSERT_THAT(positions->target, SizeIs(1));
  EXPECT_EQ(positions->target[0].collection, CollectionId{6});
  EXPECT_EQ(positions->target[0].channel, "dst_3");
  EXPECT_EQ(positions->target[0].ts, Timestamp{8});
  EXPECT_EQ(positions->target[0].position, MsgId{"eight"});
}

TEST_F(TaskManagerTest, ARepeatedCreateSucceedsWhateverTheRestSays) {
  MustCreate(MakeSpec("t1"));
  TaskSpec again = MakeSpec("t1");
  again.sink_mode = SinkMode::kReplicate;  // which the target cannot
  again.enable_user_role = true;
  again.name_mapping = {{"x", "y", {}}};
  EXPECT_EQ(MustCreate(again), "t1");
  replicator_.SetCheckStatus(UnavailableError("down"));
  EXPECT_THAT(manager_->Create(again).status().message(), HasSubstr("fail to connect the milvus"));
}

TEST_F(TaskManagerTest, AnOverlapIsFoundBeforeAMappingThatCoversNothing) {
  MustCreate(MakeSpec("t1", "c"));
  TaskSpec spec = MakeSpec("t2", "c");
  spec.name_mapping = {{"x", "y", {}}};
  EXPECT_THAT(manager_->Create(spec).status().message(), HasSubstr("is duplicate with"));
  spec.collection_infos[0].name = "d";
  EXPECT_EQ(manager_->Create(spec).status().message(),
            "the collection name in the name mapping is not in the collection info, checkout it");
}

TEST_F(TaskManagerTest, PausedTaskShowsWhatIsStoredAndNotWhatWasReached) {
  TaskStatus status;
  status.channels = {{"dml_0", Timestamp{9}, Timestamp{9}, MsgId{"nine"}},
                     {"dml_1", Timestamp{9}, Timestamp{9}, MsgId{"nine"}}};
  replicator_.SetTaskStatus("t1", status);
  MustCreate(MakeSpec("t1"));
  EXPECT_EQ(View("t1").status.channels[0].checkpoint, Timestamp{9});
  ASSERT_TRUE(store_.SaveCheckpoints("t1", {{"dml_0", MsgId{"seven"}, {7}, {}}}).ok());
  ASSERT_TRUE(manager_->Pause("t1").ok());
  const TaskView view = View("t1");
  ASSERT_THAT(view.status.channels, SizeIs(2));
  EXPECT_EQ(view.status.channels[0].checkpoint, Timestamp{7});
  EXPECT_EQ(view.status.channels[0].position, MsgId{"seven"});
  EXPECT_EQ(view.status.channels[1].checkpoint, Timestamp{});
}

TEST_F(TaskManagerTest, CountsGoOnOverAPause) {
  TaskStatus status;
  status.counts.errors = 5;
  replicator_.SetTaskStatus("t1", status);
  MustCreate(MakeSpec("t1"));
  EXPECT_EQ(View("t1").status.counts.errors, 5U);
  ASSERT_TRUE(manager_->Pause("t1").ok());
  EXPECT_EQ(View("t1").status.counts.errors, 5U);
  status.counts.errors = 1;  // of the next run
  replicator_.SetTaskStatus("t1", status);
  ASSERT_TRUE(manager_->Resume("t1").ok());
  EXPECT_EQ(View("t1").status.counts.errors, 6U);
}

TEST_F(TaskManagerTest, RunningTaskTellsOfASourceThatIsNotWell) {
  MustCreate(MakeSpec("t1"));
  EXPECT_EQ(View("t1").status.condition, Condition::kOk);
  source_status_ = UnavailableError("the source's etcd: nobody answers");
  EXPECT_EQ(View("t1").status.condition, Condition::kRetrying);
  EXPECT_THAT(View("t1").status.reason, HasSubstr("source catalog: "));
  EXPECT_THAT(View("t1").status.reason, HasSubstr("the source's etcd: nobody answers"));
  // A retried error takes precedence over a wait, as in a task's own conditions.
  TaskStatus status;
  status.condition = Condition::kWaiting;
  status.reason = "alias";
  replicator_.SetTaskStatus("t1", status);
  EXPECT_THAT(View("t1").status.reason, HasSubstr("source catalog: "));
  // An error the task itself retries is more specific.
  status.condition = Condition::kRetrying;
  replicator_.SetTaskStatus("t1", status);
  EXPECT_EQ(View("t1").status.reason, "alias");
  ASSERT_TRUE(manager_->Pause("t1").ok());
  EXPECT_EQ(View("t1").status.condition, Condition::kPaused);
}

TEST_F(TaskManagerTest, DeadTargetAtStartIsTriedUntilItLives) {
  MustCreate(MakeSpec("dead"));
  MustCreate(MakeSpec("fine"));
  replicator_.SetStartStatus("dead", UnavailableError("no route"));
  Restart();
  ASSERT_TRUE(EventuallyInTime([this] { return replicator_.starts("dead") > 4; }));
  EXPECT_TRUE(Eventually([this] { return replicator_.running("fine"); }));
  EXPECT_EQ(View("dead").record.state, TaskState::kRunning);
  EXPECT_EQ(View("dead").status.condition, Condition::kRetrying);
  EXPECT_EQ(View("dead").status.reason, "no route");
  replicator_.SetStartStatus("dead", OkStatus());
  EXPECT_TRUE(EventuallyInTime([this] { return replicator_.running("dead"); }));
  EXPECT_EQ(View("dead").status.condition, Condition::kOk);
}

TEST_F(TaskManagerTest, LastingErrorAtStartPauses) {
  MustCreate(MakeSpec("t1"));
  replicator_.SetStartStatus("t1", DataLossError("the checkpoint is damaged"));
  Restart();
  ASSERT_TRUE(WaitForState("t1", TaskState::kPaused));
  EXPECT_EQ(Stored("t1").reason, "fail to start task, err: the checkpoint is damaged");
}

TEST_F(TaskManagerTest, PauseEndsTheRetries) {
  MustCreate(MakeSpec("t1"));
  replicator_.SetStartStatus("t1", UnavailableError("no route"));
  Restart();
  ASSERT_TRUE(EventuallyInTime([this] { return replicator_.starts("t1") > 2; }));
  ASSERT_TRUE(manager_->Pause("t1").ok());
  const int starts = replicator_.starts("t1");
  replicator_.SetStartStatus("t1", OkStatus());
  clock_.Advance(std::chrono::hours(1));
  manager_->RetryNow();
  MustCreate(MakeSpec("t2"));
  EXPECT_EQ(replicator_.starts("t1"), starts);
  EXPECT_FALSE(replicator_.running("t1"));
  ASSERT_TRUE(manager_->Resume("t1").ok());
}

TEST_F(TaskManagerTest, RetryNowDoesNotWaitForTheBackoff) {
  MustCreate(MakeSpec("t1"));
  replicator_.SetStartStatus("t1", UnavailableError("the source is not ready"));
  manager_ = nullptr;
  manager_ = std::make_unique<TaskManager>(
      TaskManagerOptions{.store = &store_,
                         .replicator = &replicator_,
                         .start_backoff = {std::chrono::hours(1), std::chrono::hours(1)},
                         .threads = 2});
  ASSERT_TRUE(manager_->Start().ok());
  ASSERT_TRUE(Eventually([this] { return View("t1").status.condition == Condition::kRetrying; }));
  replicator_.SetStartStatus("t1", OkStatus());
  manager_->RetryNow();
  EXPECT_TRUE(Eventually([this] { return replicator_.running("t1"); }));
}

TEST_F(TaskManagerTest, HangingOperationsHoldNobodyElse) {
  MustCreate(MakeSpec("t1"));
  MustCreate(MakeSpec("t2"));
  replicator_.CorkChecks();
  std::jthread create([this] { MustCreate(MakeSpec("t3")); });
  ASSERT_TRUE(Eventually([this] { return replicator_.hanging() == 1; }));
  EXPECT_THAT(manager_->List(), SizeIs(2));
  ASSERT_TRUE(manager_->Pause("t1").ok());

  replicator_.CorkStarts();
  std::jthread resume([this] { EXPECT_TRUE(manager_->Resume("t1").ok()); });
  ASSERT_TRUE(Eventually([this] { return replicator_.hanging() == 2; }));
  EXPECT_THAT(manager_->List(), SizeIs(2));
  EXPECT_EQ(View("t1").record.state, TaskState::kPaused);
  EXPECT_TRUE(manager_->Pause("t2").ok());
  EXPECT_TRUE(manager_->Delete("t2", false).ok());
  replicator_.UncorkStarts();
  replicator_.UncorkChecks();
  create.join();
  resume.join();
  EXPECT_THAT(manager_->List(), SizeIs(2));
}

TEST_F(TaskManagerTest, TaskBeingCreatedIsNotShownButItsNamesAreTaken) {
  replicator_.CorkStarts();
  std::jthread create([this] { MustCreate(MakeSpec("t1", "c")); });
  ASSERT_TRUE(Eventually([this] { return replicator_.hanging() == 1; }));
  EXPECT_THAT(manager_->Create(MakeSpec("t2", "c")).status().message(), HasSubstr("duplicate"));
  replicator_.UncorkStarts();
}

TEST_F(TaskManagerTest, SecondCreateOfOneIdWaitsForTheFirst) {
  replicator_.CorkStarts();
  std::jthread first([this] { MustCreate(MakeSpec("t1")); });
  ASSERT_TRUE(Eventually([this] { return replicator_.hanging() == 1; }));
  std::jthread second([this] { EXPECT_EQ(MustCreate(MakeSpec("t1")), "t1"); });
  replicator_.UncorkStarts();
  first.join();
  second.join();
  EXPECT_EQ(replicator_.starts("t1"), 1);
}

TEST_F(TaskManagerTest, SameTaskFromManyThreads) {
  MustCreate(MakeSpec("t1"));
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      for (int k = 0; k < 50; ++k) {
        static_cast<void>(manager_->Pause("t1").ok());
        static_cast<void>(manager_->Resume("t1").ok());
        static_cast<void>(manager_->List());
      }
    });
  }
  threads.clear();
  // FakeReplicator aborts if two replications of one task ever run together.
  EXPECT_EQ(replicator_.running("t1"), View("t1").record.state == TaskState::kRunning);
}

TEST_F(TaskManagerTest, StopEndsReplicationsAndKeepsStates) {
  MustCreate(MakeSpec("t1"));
  MustCreate(MakeSpec("t2"));
  manager_->Stop();
  EXPECT_THAT(replicator_.running(), IsEmpty());
  EXPECT_EQ(Stored("t1").state, TaskState::kRunning);
  EXPECT_FALSE(manager_->Create(MakeSpec("t3")).ok());
  EXPECT_FALSE(manager_->Pause("t1").ok());
  EXPECT_EQ(Stored("t1").state, TaskState::kRunning);
  Restart();
  EXPECT_TRUE(Eventually([this] { return replicator_.running().size() == 2; }));
}

TEST_F(TaskManagerTest, UnreadableStoreIsToldAtStart) {
  store_.FailWith(DataLossError("metastore file cdc.db: damaged"));
  TaskManager manager({.store = &store_, .replicator = &replicator_});
  EXPECT_EQ(manager.Start().code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace cdc
