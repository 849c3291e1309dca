#include "model/task_counts.h"

#include <gtest/gtest.h>

namespace cdc {
namespace {

TEST(TaskCountsTest, SumsOfSeveralRuns) {
  TaskCounts first;
  first.collections[{1}] = {.name = "old", .rows = {.read = {.inserts = 5}}};
  first.collections[{2}] = {.name = "kept", .rows = {}};
  first.bytes["dml_0"].written = {.inserts = 100, .deletes = 8};
  first.calls["Insert"] = 2;
  first.errors = 1;
  TaskCounts second;
  second.collections[{1}] = {.name = "new", .rows = {.read = {.inserts = 1, .upserts = 2}}};
  second.collections[{2}] = {};
  second.bytes["dml_1"].written = {.upserts = 30};
  second.calls = {{"Insert", 3}, {"Flush", 1}};
  second.errors = 2;
  first.Add(second);
  EXPECT_EQ(first.collections[{1}].name, "new");
  EXPECT_EQ(first.collections[{2}].name, "kept");
  EXPECT_EQ(first.collections[{1}].rows.read.inserts, 6U);
  EXPECT_EQ(first.collections[{1}].rows.read.upserts, 2U);
  EXPECT_EQ(first.BytesWritten(), 138U);
  EXPECT_EQ(first.calls["Insert"], 5U);
  EXPECT_EQ(first.calls["Flush"], 1U);
  EXPECT_EQ(first.errors, 3U);
}

TEST(TaskCountsTest, TheRowsOfADroppedCollectionStayInTheSum) {
  TaskCounts counts;
  counts.collections[{1}].rows.written = {.inserts = 5, .upserts = 1, .deletes = 2};
  counts.collections[{2}].rows.written = {.inserts = 3};
  counts.Drop({1});
  counts.Drop({7});
  EXPECT_EQ(counts.collections.size(), 1U);
  EXPECT_EQ(counts.RowsWritten().inserts, 8U);
  EXPECT_EQ(counts.RowsWritten().upserts, 1U);
  EXPECT_EQ(counts.RowsWritten().deletes, 2U);
  TaskCounts sum;  // of earlier runs, in which it was there
  sum.collections[{1}].rows.written.inserts = 100;
  sum.Add(counts);
  EXPECT_EQ(sum.collections.count({1}), 0U);
  EXPECT_EQ(sum.RowsWritten().inserts, 108U);
}

}  // namespace
}  // namespace cdc
