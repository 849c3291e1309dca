// TaskManager::Plan: what a create would do, without doing it.
#include <algorithm>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/task_manager.h"
#include "control/testing/fake_replicator.h"
#include "metastore/testing/in_memory_meta_store.h"

namespace cdc {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TaskManagerPlanTest : public ::testing::Test {
 protected:
  TaskManagerPlanTest() { EXPECT_TRUE(manager_.Start().ok()); }

  static TaskSpec Named(const std::string& id, const std::string& collection) {
    TaskSpec spec;
    spec.id = id;
    spec.target.uri = "http://127.0.0.1:1";
    spec.collection_infos = {{.name = collection}};
    return spec;
  }

  static bool Has(const PlanItems& items, PlanSeverity severity, const std::string& text) {
    return std::ranges::any_of(items, [&](const PlanItem& item) {
      return item.severity == severity && item.finding.find(text) != std::string::npos;
    });
  }

  InMemoryMetaStore store_;
  FakeReplicator replicator_;
  Status source_status_;
  TaskManager manager_{
      {.store = &store_, .replicator = &replicator_, .max_tasks = 2, .source_status = [this] {
         return source_status_;
       }}};
};

TEST_F(TaskManagerPlanTest, NothingIsStoredAndNoNameIsTaken) {
  EXPECT_TRUE(FirstRefusal(manager_.Plan(Named("t", "c"))).ok());
  EXPECT_THAT(*store_.ListTasks(), IsEmpty());
  EXPECT_THAT(manager_.List(), IsEmpty());
  EXPECT_THAT(replicator_.prepared(), IsEmpty());
  EXPECT_TRUE(manager_.Create(Named("other", "c")).ok());
}

TEST_F(TaskManagerPlanTest, AllErrorsAreToldTheWorstFirst) {
  ASSERT_TRUE(manager_.Create(Named("old", "c")).ok());
  replicator_.SetCheckStatus(UnavailableError("no route"));
  replicator_.SetPlan({{.severity = PlanSeverity::kNote, .finding = "by the way"}});
  source_status_ = UnavailableError("etcd is away");
  const PlanItems items = manager_.Plan(Named("t", "c"));
  EXPECT_TRUE(Has(items, PlanSeverity::kError, "fail to connect the milvus: no route"));
  EXPECT_TRUE(Has(items, PlanSeverity::kError, "etcd is away"));
  EXPECT_TRUE(Has(items, PlanSeverity::kError, "duplicate with existing task"));
  EXPECT_TRUE(Has(items, PlanSeverity::kNote, "by the way"));
  EXPECT_TRUE(std::ranges::is_sorted(items, std::greater(), &PlanItem::severity));
  EXPECT_EQ(items.front().severity, PlanSeverity::kError);
}

TEST_F(TaskManagerPlanTest, ASourceThatIsAwayIsToldOnce) {
  source_status_ = UnavailableError("etcd is away");
  replicator_.SetPrepareStatus(UnavailableError("etcd does not answer"));
  EXPECT_EQ(CountItems(manager_.Plan(Named("t", "c"))).at(PlanSeverity::kError), 1U);
}

TEST_F(TaskManagerPlanTest, TheFirstErrorIsThatOfACreate) {
  replicator_.SetCheckStatus(UnavailableError("no route"));
  source_status_ = UnavailableError("etcd is away");
  replicator_.SetPrepareStatus(UnavailableError("etcd does not answer"));
  const auto expect_as_create = [this] {
    EXPECT_EQ(FirstRefusal(manager_.Plan(Named("t", "c"))).message(),
              manager_.Create(Named("t", "c")).status().message());
  };
  expect_as_create();
  EXPECT_THAT(manager_.Plan(Named("t", "c")).front().cure, HasSubstr("sourceConfig"));
  source_status_ = OkStatus();
  expect_as_create();
  replicator_.SetCheckStatus(OkStatus());
  expect_as_create();
}

TEST_F(TaskManagerPlanTest, ATaskWithThisId) {
  ASSERT_TRUE(manager_.Create(Named("t", "c")).ok());
  const PlanItems items = manager_.Plan(Named("t", "c"));
  EXPECT_TRUE(Has(items, PlanSeverity::kWarning, "there is a task with this id"));
  EXPECT_TRUE(FirstRefusal(items).ok());
}

TEST_F(TaskManagerPlanTest, TheLimitAndADryRun) {
  ASSERT_TRUE(manager_.Create(Named("t1", "a")).ok());
  TaskSpec spec = Named("t2", "b");
  spec.dry_run = true;
  EXPECT_TRUE(Has(manager_.Plan(spec), PlanSeverity::kOk, "1 of at most 2 tasks"));
  EXPECT_TRUE(Has(manager_.Plan(spec), PlanSeverity::kNote, "dry run"));
  ASSERT_TRUE(manager_.Create(Named("t2", "b")).ok());
  EXPECT_TRUE(Has(manager_.Plan(Named("t3", "c")), PlanSeverity::kError, "reach the limit"));
}

}  // namespace
}  // namespace cdc
