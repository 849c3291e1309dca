#include "progress/ack_tracker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

MsgId At(int n) { return {std::to_string(n)}; }

TEST(AckTrackerTest, CheckpointWaitsForEveryRecordOfTheTick) {
  AckTracker tracker("c", At(0), Timestamp{1});
  const uint64_t group = tracker.AddGroup(Timestamp{10}, At(3), {{At(1), 5}, {At(2), 7}});
  EXPECT_EQ(tracker.pending_bytes(), 12U);
  tracker.Ack({group, 1});
  EXPECT_EQ(tracker.checkpoint(), Timestamp{1});
  tracker.Ack({group, 0});
  EXPECT_EQ(tracker.checkpoint(), Timestamp{10});
  EXPECT_EQ(tracker.Snapshot().position, At(3));
  EXPECT_EQ(tracker.pending_bytes(), 0U);
}

TEST(AckTrackerTest, ALaterTickDoesNotPassAnEarlierOne) {
  AckTracker tracker("c", At(0), Timestamp{1});
  const uint64_t first = tracker.AddGroup(Timestamp{10}, At(2), {{At(1), 1}});
  const uint64_t second = tracker.AddGroup(Timestamp{20}, At(4), {{At(3), 1}});
  tracker.Ack({second, 0});
  EXPECT_EQ(tracker.checkpoint(), Timestamp{1});
  EXPECT_THAT(tracker.Snapshot().applied, ElementsAre(At(3)));
  tracker.Ack({first, 0});
  EXPECT_EQ(tracker.checkpoint(), Timestamp{20});
  EXPECT_THAT(tracker.Snapshot().applied, IsEmpty());
}

TEST(AckTrackerTest, AnEmptyTickMovesAnIdleChannelAtOnce) {
  AckTracker tracker("c", At(0), Timestamp{1});
  tracker.AddGroup(Timestamp{10}, At(5), {});
  EXPECT_EQ(tracker.checkpoint(), Timestamp{10});
  EXPECT_EQ(tracker.Snapshot().position, At(5));
}

TEST(AckTrackerTest, RemembersWhereTheLastRecordOfEachCollectionEnded) {
  AckTracker tracker("c", At(0), Timestamp{1});
  EXPECT_THAT(tracker.last_records(), IsEmpty());
  const CollectionId a{7};
  const CollectionId b{8};
  const uint64_t group = tracker.AddGroup(
      Timestamp{10}, At(3), {{.id = At(1), .collection = a}, {.id = At(2), .collection = b}});
  tracker.Ack({group, 0});
  EXPECT_THAT(tracker.last_records(), IsEmpty());
  tracker.Ack({group, 1});
  tracker.Ack({tracker.AddGroup(Timestamp{20}, At(5), {{.id = At(4), .collection = b}}), 0});
  tracker.AddGroup(Timestamp{30}, At(6), {});
  EXPECT_THAT(tracker.last_records(),
              ElementsAre(Pair(a, Takeover{.position = At(3), .ts = Timestamp{10}}),
                          Pair(b, Takeover{.position = At(5), .ts = Timestamp{20}})));
}

TEST(AckTrackerTest, EmptyTicksExtendTheGroupBefore) {
  AckTracker tracker("c", At(0), Timestamp{1});
  const uint64_t group = tracker.AddGroup(Timestamp{10}, At(2), {{At(1), 1}});
  tracker.AddGroup(Timestamp{20}, At(3), {});
  tracker.AddGroup(Timestamp{30}, At(4), {});
  EXPECT_EQ(tracker.resolved(), Timestamp{30});
  EXPECT_EQ(tracker.checkpoint(), Timestamp{1});
  tracker.Ack({group, 0});
  EXPECT_EQ(tracker.checkpoint(), Timestamp{30});
  EXPECT_EQ(tracker.Snapshot().position, At(4));
}

TEST(AckTrackerDeathTest, AckingTwiceIsABug) {
  AckTracker tracker("c", At(0), Timestamp{1});
  const uint64_t group = tracker.AddGroup(Timestamp{10}, At(3), {{At(1), 1}, {At(2), 1}});
  tracker.Ack({group, 0});
  EXPECT_DEATH(tracker.Ack({group, 0}), "check failed");
}

}  // namespace
}  // namespace cdc
