// How much of the source's catalog is on the target, as a drain queries it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipeline/testing/task_pipeline_fixture.h"

namespace cdc {
namespace {

using testing::Contains;

class CatalogProgressTest : public TaskPipelineTest {
 protected:
  void SetCatalog(std::vector<Collection> collections, int64_t revision) {
    Catalog catalog = MakeCatalog(std::move(collections));
    catalog.revision = revision;
    catalog_.Set(std::move(catalog));
  }

  bool WaitForApplied(int64_t revision) {
    return Eventually([&] {
      const CatalogProgress progress = task_->GetStatus().catalog;
      return progress.applied && progress.revision == revision;
    });
  }
};

TEST_F(CatalogProgressTest, IsAppliedWhenTheTargetHasAllOfIt) {
  SetCatalog({MakeCollection(1, "c", 5)}, 10);
  target_.FailNextDdl(UnavailableError("rate limit"));
  Start();
  EXPECT_TRUE(WaitForApplied(10));
  EXPECT_THAT(Ddls(), Contains("create collection default.c"));
  SetCatalog({MakeCollection(1, "c", 5), MakeCollection(2, "d", 6)}, 11);
  EXPECT_TRUE(WaitForApplied(11));
  EXPECT_THAT(Ddls(), Contains("create collection default.d"));
}

TEST_F(CatalogProgressTest, WhatIsUnderWayIsNamed) {
  SetCatalog({}, 10);
  Start();
  ASSERT_TRUE(WaitForApplied(10));
  for (int i = 0; i < 3; ++i) {
    target_.FailNextDdl(UnavailableError("rate limit"));
  }
  SetCatalog({MakeCollection(1, "c", 5)}, 11);
  EXPECT_TRUE(Eventually([&] {
    const CatalogProgress progress = task_->GetStatus().catalog;
    return !progress.applied && progress.revision == 11 &&
           progress.pending == std::vector<std::string>{"collection default.c"};
  }));
  EXPECT_TRUE(WaitForApplied(11));
}

// The reconciler is not woken for such a catalog, because it does not concern the task.
TEST_F(CatalogProgressTest, RevisionOfWhatTheTaskDoesNotCoverCounts) {
  spec_.db_collections = {{"default", {{.name = "c"}}}};
  const Collection c = MakeCollection(1, "c", 5);
  Catalog catalog = MakeCatalog({c});
  catalog.revision = 10;
  catalog_.Set(catalog);
  Start();
  ASSERT_TRUE(WaitForApplied(10));
  catalog.collections[CollectionId{2}] =
      std::make_shared<const Collection>(MakeCollection(2, "d", 6));
  catalog.revision = 11;
  catalog_.Set(catalog);
  EXPECT_TRUE(WaitForApplied(11));
}

// A drop waits for the rows that come before it.
TEST_F(CatalogProgressTest, DropIsUnderWayUntilItIsDone) {
  Collection c = MakeCollection(1, "c", 5);
  SetCatalog({c}, 10);
  Start();
  ASSERT_TRUE(WaitForApplied(10));
  target_.Cork();
  log_.Append(kChannel, InsertRecord(c, {1, 2}, 17));
  log_.Append(kChannel, TickRecord(20));
  ASSERT_TRUE(Eventually([&] { return target_.corked() == 1; }));
  c.state = ObjectState::kDropping;
  SetCatalog({c}, 11);
  ASSERT_TRUE(Eventually([&] {
    return task_->GetStatus().catalog.pending == std::vector<std::string>{"collection default.c"};
  }));
  EXPECT_FALSE(task_->GetStatus().catalog.applied);
  target_.Uncork();
  EXPECT_TRUE(WaitForDdl("drop collection default.c"));
  SetCatalog({}, 12);
  EXPECT_TRUE(WaitForApplied(12));
}

}  // namespace
}  // namespace cdc
