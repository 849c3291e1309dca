#include "feed/tick_order.h"

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/testing/messages.h"

namespace cdc {
namespace {

using Keys = std::vector<int64_t>;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> Show(const TickGroup& group) {
  std::vector<std::string> names;
  for (const MessagePtr& message : group.messages) {
    names.push_back(Show(message));
  }
  return names;
}

MessagePtr Insert(int at, uint64_t ts) { return MakeInsert(at, ts, Keys{at}); }

TEST(TickOrder, HoldsUntilTheTick) {
  TickOrder order;
  EXPECT_EQ(order.Push(Insert(1, 10)), std::nullopt);
  EXPECT_GT(order.held_bytes(), 0U);
  const auto group = order.Push(MakeTick(2, 10));
  ASSERT_TRUE(group.has_value());
  EXPECT_THAT(Show(*group), ElementsAre("I1"));
  EXPECT_EQ(group->resolved, Timestamp{10});
  EXPECT_EQ(group->restart, MsgId{"2"});
  EXPECT_EQ(order.held_bytes(), 0U);
}

TEST(TickOrder, SortsByTimeAndKeepsTheLogsOrderWithinOne) {
  TickOrder order;
  for (const auto& message :
       {Insert(1, 30), Insert(2, 10), MakeDelete(3, 30, Keys{1}), MakeDrop(4, 20), Insert(5, 10)}) {
    EXPECT_EQ(order.Push(message), std::nullopt);
  }
  EXPECT_THAT(Show(*order.Push(MakeTick(6, 30))), ElementsAre("I2", "I5", "X4", "I1", "D3"));
}

TEST(TickOrder, WhatIsBeyondTheTickWaitsAndIsWhereARestartBegins) {
  TickOrder order;
  order.Push(Insert(1, 10));
  order.Push(Insert(2, 25));
  order.Push(Insert(3, 15));
  order.Push(Insert(4, 22));
  const auto first = order.Push(MakeTick(5, 20));
  EXPECT_THAT(Show(*first), ElementsAre("I1", "I3"));
  EXPECT_EQ(first->restart, MsgId{"2"});
  EXPECT_EQ(order.held_messages(), 2U);
  const auto second = order.Push(MakeTick(6, 24));
  EXPECT_THAT(Show(*second), ElementsAre("I4"));
  EXPECT_EQ(second->restart, MsgId{"2"});
  const auto third = order.Push(MakeTick(7, 30));
  EXPECT_THAT(Show(*third), ElementsAre("I2"));
  EXPECT_EQ(third->restart, MsgId{"7"});
}

TEST(TickOrder, TicksThatDoNotAdvanceReleaseNothing) {
  TickOrder order;
  EXPECT_TRUE(order.Push(MakeTick(1, 20)).has_value());
  order.Push(Insert(2, 25));
  EXPECT_EQ(order.Push(MakeTick(3, 20)), std::nullopt);
  EXPECT_EQ(order.Push(MakeTick(4, 5)), std::nullopt);
  EXPECT_EQ(order.held_messages(), 1U);
}

TEST(TickOrder, SkipsWhatTheCheckpointHolds) {
  TickOrder order(Timestamp{20});
  order.Push(Insert(1, 20));
  order.Push(Insert(2, 21));
  order.Push(Insert(3, 5));
  EXPECT_EQ(order.Push(MakeTick(4, 15)), std::nullopt);
  EXPECT_EQ(order.Push(MakeTick(5, 20)), std::nullopt);
  const auto group = order.Push(MakeTick(6, 25));
  EXPECT_THAT(Show(*group), ElementsAre("I2"));
  EXPECT_EQ(group->late, 0U);
}

TEST(TickOrder, DropsAProducersRetryWithinOneInterval) {
  TickOrder order;
  order.Push(Insert(1, 10));
  order.Push(WithMessageId(Insert(2, 10), 1));
  order.Push(WithMessageId(MakeDelete(3, 10, Keys{1}), 9));
  order.Push(WithMessageId(MakeDelete(4, 10, Keys{1}), 9));
  EXPECT_THAT(Show(*order.Push(MakeTick(5, 10))), ElementsAre("I1", "D3"));
  order.Push(WithMessageId(Insert(6, 12), 1));
  EXPECT_THAT(Show(*order.Push(MakeTick(7, 12))), ElementsAre("I6"));
  EXPECT_EQ(order.held_bytes(), 0U);
}

TEST(TickOrder, MessagesWithoutAnIdAreNeverRetries) {
  TickOrder order;
  order.Push(WithMessageId(Insert(1, 10), 0));
  order.Push(WithMessageId(Insert(2, 10), 0));
  order.Push(MakeDrop(3, 10));
  order.Push(MakeDrop(4, 10));
  EXPECT_THAT(Show(*order.Push(MakeTick(5, 10))), ElementsAre("I1", "I2", "X3", "X4"));
}

TEST(TickOrder, ALateMessageIsNotLost) {
  TickOrder order;
  order.Push(MakeTick(1, 20));
  order.Push(Insert(2, 25));
  order.Push(Insert(3, 15));
  const auto late = order.Push(MakeTick(4, 30));
  EXPECT_THAT(Show(*late), ElementsAre("I3", "I2"));
  EXPECT_EQ(late->late, 1U);
  order.Push(Insert(5, 35));
  EXPECT_EQ(order.Push(MakeTick(6, 40))->late, 0U);
}

// Writes a log as Milvus does: between ticks, messages are in no order, and each tick is below all
// messages still to come.
std::vector<MessagePtr> RandomLog(std::minstd_rand& random) {
  std::vector<MessagePtr> log;
  std::vector<uint64_t> pending;
  uint64_t clock = 1;
  for (int at = 0; at < 300; ++at) {
    const auto choice = random() % 10;
    if (choice < 4) {
      pending.push_back(clock++);
    } else if (choice < 8 && !pending.empty()) {
      const auto which = static_cast<std::ptrdiff_t>(random() % pending.size());
      log.push_back(Insert(at, pending[static_cast<size_t>(which)]));
      pending.erase(pending.begin() + which);
    } else {
      log.push_back(MakeTick(at, pending.empty() ? clock : pending.front() - 1));
      clock += pending.empty() ? 1U : 0U;
    }
  }
  return log;
}

TEST(TickOrder, EveryLogComesOutCompleteAndInOrder) {
  std::minstd_rand random(42);
  for (int round = 0; round < 200; ++round) {
    const auto log = RandomLog(random);
    TickOrder order;
    std::vector<std::pair<uint64_t, std::string>> released;
    uint64_t last_tick = 0;
    for (const MessagePtr& message : log) {
      const auto group = order.Push(message);
      if (!group) {
        continue;
      }
      ASSERT_GT(group->resolved.value, last_tick);
      ASSERT_EQ(group->late, 0U);
      for (const MessagePtr& row : group->messages) {
        ASSERT_GT(row->ts.value, last_tick);
        ASSERT_LE(row->ts, group->resolved);
        released.emplace_back(row->ts.value, row->id.bytes);
      }
      last_tick = group->resolved.value;
    }
    std::vector<std::pair<uint64_t, std::string>> expected;
    for (const MessagePtr& message : log) {
      if (message->type == MessageType::kInsert && message->ts.value <= last_tick) {
        expected.emplace_back(message->ts.value, message->id.bytes);
      }
    }
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(released, expected) << "round " << round;
  }
}

// Whichever group was the last one, a restart at its `restart` delivers exactly the rest.
TEST(TickOrder, ARestartContinuesWithoutLossOrRepetition) {
  std::minstd_rand random(43);
  for (int round = 0; round < 50; ++round) {
    const auto log = RandomLog(random);
    std::map<std::string, size_t> index;
    for (size_t i = 0; i < log.size(); ++i) {
      index[log[i]->id.bytes] = i;
    }
    std::vector<TickGroup> groups;
    TickOrder order;
    for (const MessagePtr& message : log) {
      if (auto group = order.Push(message)) {
        groups.push_back(*std::move(group));
      }
    }
    for (size_t stop = 0; stop < groups.size(); ++stop) {
      TickOrder resumed(groups[stop].resolved);
      std::vector<std::string> rest;
      for (size_t i = index.at(groups[stop].restart.bytes); i < log.size(); ++i) {
        if (const auto group = resumed.Push(log[i])) {
          const auto names = Show(*group);
          rest.insert(rest.end(), names.begin(), names.end());
        }
      }
      std::vector<std::string> expected;
      for (size_t next = stop + 1; next < groups.size(); ++next) {
        const auto names = Show(groups[next]);
        expected.insert(expected.end(), names.begin(), names.end());
      }
      ASSERT_EQ(rest, expected) << "round " << round << " group " << stop;
    }
  }
}

}  // namespace
}  // namespace cdc
