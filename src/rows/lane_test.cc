#include "rows/lane.h"

#include <limits>
#include <map>
#include <random>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr PartitionId kPartition{7};

std::shared_ptr<AckTracker> NewTracker() {
  return std::make_shared<AckTracker>("c", MsgId{}, Timestamp{});
}

PendingRows Rows(RowOp op,
                 std::vector<uint64_t> keys,
                 int number = 0,
                 PartitionId partition = kPartition) {
  auto message = std::make_shared<Message>();
  message->id = {std::to_string(number)};
  message->partition = partition;
  PendingRows rows;
  rows.op = op;
  rows.bytes = 10 * keys.size();
  rows.keys = std::move(keys);
  rows.message = std::move(message);
  rows.tracker = NewTracker();
  return rows;
}

bool Always(const Message&) { return true; }

constexpr Timestamp kEver{std::numeric_limits<uint64_t>::max()};

std::vector<uint64_t> KeysIn(const Lane::Batch& batch) {
  std::vector<uint64_t> keys;
  for (const PendingRows& rows : batch.rows) {
    keys.insert(keys.end(), rows.keys.begin(), rows.keys.end());
  }
  return keys;
}

TEST(LaneTest, GathersRowsOfOneOperation) {
  Lane lane;
  lane.Push(Rows(RowOp::kInsert, {1, 2}));
  lane.Push(Rows(RowOp::kInsert, {3}));
  const Lane::Batch batch = lane.Take({}, kEver, Always);
  EXPECT_THAT(KeysIn(batch), ElementsAre(1, 2, 3));
  EXPECT_TRUE(lane.empty());
}

TEST(LaneTest, InsertsThatTheTargetMayHoldBecomeUpserts) {
  Lane lane;
  const auto at = [](PendingRows rows, uint64_t ts) {
    auto message = std::make_shared<Message>();
    message->ts = {ts};
    rows.message = std::move(message);
    return rows;
  };
  lane.Push(at(Rows(RowOp::kInsert, {1}), 10));
  lane.Push(at(Rows(RowOp::kDelete, {2}), 10));
  lane.Push(at(Rows(RowOp::kInsert, {3}), 11));
  lane.UpsertUntil({10});
  std::vector<RowOp> ops;
  while (!lane.empty()) {
    ops.push_back(lane.Take({}, kEver, Always).rows.front().op);
  }
  EXPECT_THAT(ops, ElementsAre(RowOp::kUpsert, RowOp::kDelete, RowOp::kInsert));
}

TEST(LaneTest, AChangeOfAKeyInFlightWaits) {
  Lane lane;
  lane.Push(Rows(RowOp::kInsert, {1}));
  lane.Push(Rows(RowOp::kDelete, {1}));
  const Lane::Batch insert = lane.Take({}, kEver, Always);
  EXPECT_THAT(KeysIn(lane.Take({}, kEver, Always)), IsEmpty());
  lane.Finish(insert);
  EXPECT_THAT(KeysIn(lane.Take({}, kEver, Always)), ElementsAre(1));
}

TEST(LaneTest, OtherKeysOvertake) {
  Lane lane;
  lane.Push(Rows(RowOp::kInsert, {1}));
  lane.Push(Rows(RowOp::kDelete, {1}));
  lane.Push(Rows(RowOp::kInsert, {2}));
  lane.Push(Rows(RowOp::kUpsert, {1}));
  lane.Push(Rows(RowOp::kInsert, {3}));
  EXPECT_THAT(KeysIn(lane.Take({}, kEver, Always)), ElementsAre(1, 2, 3));
  EXPECT_THAT(KeysIn(lane.Take({}, kEver, Always)), IsEmpty()) << "all that is left touches key 1";
}

TEST(LaneTest, TheSameKeyTwiceIsTwoBatches) {
  Lane lane;
  lane.Push(Rows(RowOp::kUpsert, {1}, 1));
  lane.Push(Rows(RowOp::kUpsert, {1}, 2));
  const Lane::Batch first = lane.Take({}, kEver, Always);
  ASSERT_EQ(first.rows.size(), 1U);
  EXPECT_EQ(first.rows.front().message->id.bytes, "1");
  lane.Finish(first);
  EXPECT_EQ(lane.Take({}, kEver, Always).rows.front().message->id.bytes, "2");
}

TEST(LaneTest, BatchesAreLimited) {
  Lane lane;
  for (uint64_t key = 0; key < 10; ++key) {
    lane.Push(Rows(RowOp::kInsert, {key}));
  }
  EXPECT_EQ(lane.Take({.batch_bytes = 40}, kEver, Always).keys, 4U);
  EXPECT_EQ(lane.Take({.batch_rows = 3}, kEver, Always).keys, 3U);
  EXPECT_EQ(lane.Take({.batch_bytes = 1}, kEver, Always).keys, 1U) << "a huge row goes alone";
}

TEST(LaneTest, PartitionsAreSeparateAndMayWait) {
  Lane lane;
  lane.Push(Rows(RowOp::kInsert, {1}, 0, PartitionId{1}));
  lane.Push(Rows(RowOp::kInsert, {2}, 0, PartitionId{2}));
  lane.Push(Rows(RowOp::kDelete, {1}, 0, kAllPartitions));
  const auto only_two = [](const Message& message) { return message.partition != PartitionId{1}; };
  EXPECT_THAT(KeysIn(lane.Take({}, kEver, only_two)), ElementsAre(2));
  EXPECT_THAT(KeysIn(lane.Take({}, kEver, only_two)), IsEmpty())
      << "the delete of key 1 stays behind it";
  EXPECT_THAT(KeysIn(lane.Take({}, kEver, Always)), ElementsAre(1));
}

// Checks the definition: for every key, the order of the batches is the order of the pushes, and
// two calls in flight never share a key.
TEST(LaneTest, RandomWorkKeepsTheOrderOfEveryKey) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    std::minstd_rand random(seed);
    const auto pick = [&random](uint32_t n) { return static_cast<uint32_t>(random() % n); };
    Lane lane;
    std::map<uint64_t, std::vector<int>> pushed;
    std::map<uint64_t, std::vector<int>> taken;
    std::vector<Lane::Batch> in_flight;
    std::map<uint64_t, int> busy;
    int number = 0;
    for (int step = 0; step < 300 || !lane.empty() || !in_flight.empty(); ++step) {
      const uint32_t what = step < 300 ? pick(3) : 1 + pick(2);
      if (what == 0) {
        const auto op = static_cast<RowOp>(pick(3));
        std::set<uint64_t> keys;
        for (uint32_t i = 0; i <= pick(3); ++i) {
          keys.insert(pick(12));
        }
        ++number;
        for (const uint64_t key : keys) {
          pushed[key].push_back(number);
        }
        lane.Push(Rows(op, {keys.begin(), keys.end()}, number, PartitionId{1 + pick(2)}));
      } else if (what == 1) {
        Lane::Batch batch = lane.Take({.batch_bytes = 100, .scan_rows = 20}, kEver, Always);
        std::set<uint64_t> mine;
        for (const PendingRows& rows : batch.rows) {
          for (const uint64_t key : rows.keys) {
            taken[key].push_back(std::stoi(rows.message->id.bytes));
            mine.insert(key);
          }
        }
        for (const uint64_t key : mine) {
          ASSERT_EQ(busy[key]++, 0) << "seed " << seed;
        }
        if (!batch.rows.empty()) {
          in_flight.push_back(std::move(batch));
        }
      } else if (!in_flight.empty()) {
        std::swap(in_flight[pick(static_cast<uint32_t>(in_flight.size()))], in_flight.back());
        lane.Finish(in_flight.back());
        const std::vector<uint64_t> keys = KeysIn(in_flight.back());
        for (const uint64_t key : std::set<uint64_t>(keys.begin(), keys.end())) {
          --busy[key];
        }
        in_flight.pop_back();
      }
    }
    ASSERT_EQ(taken, pushed) << "seed " << seed;
  }
}

TEST(LaneTest, CountsWhatWaitsByPartition) {
  Lane lane;
  lane.Push(Rows(RowOp::kInsert, {1}));
  lane.Push(Rows(RowOp::kInsert, {2}));
  lane.Push(Rows(RowOp::kInsert, {3}, 0, {8}));
  EXPECT_THAT(lane.waiting(), ElementsAre(Pair(kPartition, 2), Pair(PartitionId{8}, 1)));
  lane.Take({.batch_rows = 1}, kEver, Always);
  EXPECT_THAT(lane.waiting(), ElementsAre(Pair(kPartition, 1), Pair(PartitionId{8}, 1)));
  lane.Remove([](const Message& message) { return message.partition == PartitionId{8}; });
  EXPECT_THAT(lane.waiting(), ElementsAre(Pair(kPartition, 1)));
}

TEST(LaneTest, CopiedRowsNeedNoHorizonButKeepTheirOrder) {
  const auto at = [](PendingRows rows, uint64_t ts, bool copied) {
    std::const_pointer_cast<Message>(rows.message)->ts = {ts};
    rows.copied = copied;
    return rows;
  };
  Lane lane;
  lane.Push(at(Rows(RowOp::kUpsert, {1}), 50, false));
  lane.Push(at(Rows(RowOp::kUpsert, {2}), 7, true));
  lane.Push(at(Rows(RowOp::kUpsert, {1}), 7, true));
  EXPECT_EQ(lane.newest(), Timestamp{50});
  EXPECT_EQ(lane.channel(), "c");
  EXPECT_THAT(KeysIn(lane.Take({}, {5}, Always)), ElementsAre(2));
  EXPECT_THAT(KeysIn(lane.Take({}, {5}, Always)), IsEmpty()) << "a row of the log is before it";
  const Lane::Batch log = lane.Take({}, {50}, Always);
  EXPECT_THAT(KeysIn(log), ElementsAre(1));
  EXPECT_EQ(log.rows.front().message->ts, Timestamp{50});
  lane.Finish(log);
  EXPECT_THAT(KeysIn(lane.Take({}, {5}, Always)), ElementsAre(1));
}

TEST(LaneTest, ACopiedRowIsNotWrittenByTheCallOfALogRow) {
  Lane lane;
  lane.Push(Rows(RowOp::kInsert, {1}));
  PendingRows copied = Rows(RowOp::kInsert, {2});
  copied.copied = true;
  lane.Push(std::move(copied));
  lane.Push(Rows(RowOp::kInsert, {3}));
  EXPECT_THAT(KeysIn(lane.Take({}, kEver, Always)), ElementsAre(1, 3));
  EXPECT_THAT(KeysIn(lane.Take({}, kEver, Always)), ElementsAre(2));
}

}  // namespace
}  // namespace cdc
