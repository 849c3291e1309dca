#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "feed/tick_order.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/testing/messages.h"

// Transactions of the write-ahead log.
namespace cdc {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr milliseconds kNoLimit{-1};

std::shared_ptr<Message> MakeMessage(MessageType type, int at, uint64_t ts) {
  auto message = std::make_shared<Message>();
  message->type = type;
  message->id = MsgId{std::to_string(at)};
  message->ts = {ts};
  message->rows = 1;
  message->payload = Payload::Own("row");
  return message;
}

WalMessage Row(int at, uint64_t ts, std::optional<WalTransaction> of = std::nullopt) {
  return {.type = WalType::kInsert,
          .message = MakeMessage(MessageType::kInsert, at, ts),
          .transaction = of};
}

WalMessage Control(WalType type, int at, uint64_t ts, WalTransaction of) {
  return {.type = type, .message = MakeMessage(MessageType::kOther, at, ts), .transaction = of};
}

WalMessage Begin(int at, uint64_t ts, WalTransaction of) {
  return Control(WalType::kBeginTransaction, at, ts, of);
}
WalMessage Commit(int at, uint64_t ts, WalTransaction of) {
  return Control(WalType::kCommitTransaction, at, ts, of);
}
WalMessage Rollback(int at, uint64_t ts, WalTransaction of) {
  return Control(WalType::kRollbackTransaction, at, ts, of);
}

WalMessage WalTick(int at, uint64_t ts) {
  return {.type = WalType::kTimeTick,
          .message = MakeMessage(MessageType::kTick, at, ts),
          .transaction = {}};
}

// "I<id>@<ts>" of each row.
std::vector<std::string> RowsOf(const TickGroup& group) {
  std::vector<std::string> rows;
  for (const MessagePtr& message : group.messages) {
    if (message->type == MessageType::kInsert) {
      rows.push_back("I" + message->id.bytes + "@" + std::to_string(message->ts.value));
    }
  }
  return rows;
}

TEST(TickOrderTransactions, RowsHaveTheTimeOfTheCommit) {
  const WalTransaction one{.id = 1, .keepalive = kNoLimit};
  TickOrder order;
  order.Push(Begin(1, 10, one));
  order.Push(Row(2, 11, one));
  order.Push(Row(3, 12));
  order.Push(Row(4, 13, one));
  const auto open = order.Push(WalTick(5, 20));
  EXPECT_THAT(RowsOf(*open), ElementsAre("I3@12"));
  EXPECT_EQ(open->restart, MsgId{"1"}) << "a restart must see the open transaction";
  EXPECT_EQ(order.held_messages(), 3U);
  order.Push(Row(6, 21));
  order.Push(Commit(7, 22, one));
  EXPECT_THAT(RowsOf(*order.Push(WalTick(8, 21))), ElementsAre("I6@21"));
  const auto committed = order.Push(WalTick(9, 30));
  EXPECT_THAT(RowsOf(*committed), ElementsAre("I2@22", "I4@22"));
  EXPECT_EQ(committed->restart, MsgId{"9"});
  EXPECT_EQ(committed->late, 0U);
  EXPECT_EQ(order.held_bytes(), 0U);
}

TEST(TickOrderTransactions, ARollbackTakesItsRowsOnly) {
  const WalTransaction one{.id = 1, .keepalive = kNoLimit};
  const WalTransaction two{.id = 2, .keepalive = kNoLimit};
  TickOrder order;
  order.Push(Begin(7, 8, one));
  order.Push(Begin(8, 9, two));
  order.Push(Row(1, 10, one));
  order.Push(Row(2, 11, two));
  order.Push(Rollback(3, 12, one));
  order.Push(Commit(4, 13, two));
  EXPECT_THAT(RowsOf(*order.Push(WalTick(5, 20))), ElementsAre("I2@13"));
  EXPECT_EQ(order.held_bytes(), 0U);
}

TEST(TickOrderTransactions, OneThatIsNeverCommittedGoesAfterItsTime) {
  const WalTransaction one{.id = 1, .keepalive = milliseconds(10)};
  const auto at = [](int64_t ms) { return Timestamp::FromUnixMs(ms).value; };
  TickOrder order;
  order.Push(Begin(1, at(100), one));
  order.Push(Row(2, at(105), one));
  EXPECT_EQ(order.Push(WalTick(3, at(114)))->restart, MsgId{"1"});
  const auto expired = order.Push(WalTick(4, at(115)));
  EXPECT_THAT(RowsOf(*expired), IsEmpty());
  EXPECT_EQ(expired->restart, MsgId{"4"});
  EXPECT_EQ(order.held_bytes(), 0U);
}

TEST(TickOrderTransactions, WhatWasCommittedBeforeARestartDoesNotComeAgain) {
  const WalTransaction old{.id = 1, .keepalive = kNoLimit};
  const WalTransaction recent{.id = 2, .keepalive = kNoLimit};
  TickOrder order(Timestamp{20});
  order.Push(Begin(7, 8, old));
  order.Push(Begin(8, 9, recent));
  order.Push(Row(1, 10, old));
  order.Push(Row(2, 11, recent));  // before the place, its commit after it
  order.Push(Commit(3, 15, old));
  order.Push(Commit(4, 25, recent));
  EXPECT_THAT(RowsOf(*order.Push(WalTick(5, 30))), ElementsAre("I2@25"));
}

TEST(TickOrderTransactions, OneWithoutItsBeginIsLeftOut) {
  const WalTransaction one{.id = 1, .keepalive = kNoLimit};
  TickOrder order;
  order.Push(Row(2, 11, one));  // of an upsert whose other half may be missing
  order.Push(Commit(3, 12, one));
  EXPECT_THAT(RowsOf(*order.Push(WalTick(4, 20))), IsEmpty());
  EXPECT_EQ(order.cut_off(), 1U);
  EXPECT_EQ(order.held_bytes(), 0U);
}

TEST(TickOrderTransactions, AKeepaliveOfAgesDoesNotExpire) {
  const WalTransaction one{.id = 1, .keepalive = milliseconds::max()};
  TickOrder order;
  order.Push(Begin(1, Timestamp::FromUnixMs(100).value, one));
  EXPECT_EQ(order.Push(WalTick(2, Timestamp::FromUnixMs(1'000'000).value))->restart, MsgId{"1"});
}

// Begins, rows, ends and ticks of several transactions, in the order of their times.
std::vector<WalMessage> RandomWal(std::minstd_rand& random) {
  std::vector<WalMessage> log;
  std::vector<WalTransaction> open;
  int64_t next = 1;
  for (int at = 1; at <= 60; ++at) {
    const auto ts = static_cast<uint64_t>(at * 10);
    const auto choice = random() % 6;
    if (choice == 0) {
      log.push_back(WalTick(at, ts));
    } else if (choice == 1) {
      open.push_back({.id = next++, .keepalive = kNoLimit});
      log.push_back(Begin(at, ts, open.back()));
    } else if (choice <= 2 || open.empty()) {
      log.push_back(Row(at, ts));
    } else {
      const auto which = open.begin() + static_cast<int64_t>(random() % open.size());
      if (choice == 3) {
        log.push_back(random() % 3 == 0 ? Rollback(at, ts, *which) : Commit(at, ts, *which));
        open.erase(which);
      } else {
        log.push_back(Row(at, ts, *which));
      }
    }
  }
  log.push_back(WalTick(100, 1'000));
  return log;
}

// As the order changes the times of messages, each reading has its own.
WalMessage Copy(const WalMessage& message) {
  WalMessage copy = message;
  copy.message = MakeMessage(message.message->type, std::stoi(message.message->id.bytes),
                             message.message->ts.value);
  return copy;
}

TEST(TickOrderTransactions, ARestartContinuesWithoutLossOrRepetition) {
  std::minstd_rand random(7);
  for (int round = 0; round < 300; ++round) {
    const std::vector<WalMessage> log = RandomWal(random);
    std::map<std::string, size_t> index;
    std::vector<TickGroup> groups;
    TickOrder order;
    for (size_t i = 0; i < log.size(); ++i) {
      index[log[i].message->id.bytes] = i;
      if (auto group = order.Push(Copy(log[i]))) {
        groups.push_back(*std::move(group));
      }
    }
    for (size_t stop = 0; stop < groups.size(); ++stop) {
      TickOrder resumed(groups[stop].resolved);
      std::vector<std::string> rest;
      for (size_t i = index.at(groups[stop].restart.bytes); i < log.size(); ++i) {
        if (const auto group = resumed.Push(Copy(log[i]))) {
          const auto rows = RowsOf(*group);
          rest.insert(rest.end(), rows.begin(), rows.end());
        }
      }
      std::vector<std::string> expected;
      for (size_t next = stop + 1; next < groups.size(); ++next) {
        const auto rows = RowsOf(groups[next]);
        expected.insert(expected.end(), rows.begin(), rows.end());
      }
      ASSERT_EQ(rest, expected) << "round " << round << " group " << stop;
    }
  }
}

}  // namespace
}  // namespace cdc
