#include "snapshot/part_queue.h"

#include <gtest/gtest.h>

#include "source/testing/fake_snapshot_source.h"

namespace cdc {
namespace {

class PartQueueTest : public testing::Test {
 protected:
  PartQueueTest() {
    source_.Add({{"v0", {.takeover = {}, .parts = {{.id = 1}, {.id = 2}, {.id = 3}}}},
                 {"v1", {.takeover = {}, .parts = {{.id = 4}}}}});
    plan_ = *source_.Plan({}, {}, {}, {});
  }

  FakeSnapshotSource source_;
  std::unique_ptr<CollectionSnapshot> plan_;
};

TEST_F(PartQueueTest, OneReaderTakesThemInOrder) {
  PartQueue queue(*plan_, {2});
  EXPECT_EQ(queue.size(), 3U);
  for (const int64_t id : {1, 3, 4}) {
    const auto place = queue.Take();
    EXPECT_EQ(place->part.id, id);
    EXPECT_EQ(place->vchannel, id == 4 ? "v1" : "v0");
    queue.Return(*place);
  }
  EXPECT_FALSE(queue.Take().has_value());
}

TEST_F(PartQueueTest, SeveralReadersSpreadOverTheShards) {
  PartQueue queue(*plan_, {});
  EXPECT_EQ(queue.Take()->part.id, 1);
  EXPECT_EQ(queue.Take()->part.id, 4);
  EXPECT_EQ(queue.Take()->part.id, 2);
  EXPECT_EQ(queue.size(), 1U);
}

}  // namespace
}  // namespace cdc
