#include "rows/upsert_pairing.h"

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/testing/messages.h"

namespace cdc {
namespace {

using Keys = std::vector<int64_t>;
using Texts = std::vector<std::string>;

// "delete D1, upsert I2 with D3".
std::string Show(const std::vector<RowEvent>& events) {
  std::string text;
  for (const RowEvent& event : events) {
    text += text.empty() ? "" : ", ";
    text += event.op == RowOp::kInsert   ? "insert "
            : event.op == RowOp::kUpsert ? "upsert "
                                         : "delete ";
    text += Show(event.message);
    for (const MessagePtr& also : event.also) {
      text += " with " + Show(also);
    }
  }
  return text;
}

struct PairingCase {
  std::string name;
  std::vector<MessagePtr> rows;
  std::string events;
};

void PrintTo(const PairingCase& test, std::ostream* out) { *out << test.name; }

class PairUpsertsTest : public ::testing::TestWithParam<PairingCase> {};

TEST_P(PairUpsertsTest, Events) {
  EXPECT_EQ(Show(PairUpserts(GetParam().rows, kTestKey)), GetParam().events);
}

INSTANTIATE_TEST_SUITE_P(
    Cases,
    PairUpsertsTest,
    ::testing::Values(PairingCase{"Nothing", {}, ""},
                      PairingCase{"InsertsAlone",
                                  {MakeInsert(1, 5, Keys{1}), MakeInsert(2, 5, Keys{2})},
                                  "insert I1, insert I2"},
                      PairingCase{"DeletesAlone",
                                  {MakeDelete(1, 5, Keys{1}), MakeDelete(2, 6, Keys{1})},
                                  "delete D1, delete D2"},
                      PairingCase{"Upsert",
                                  {MakeInsert(1, 5, Keys{1, 2}), MakeDelete(2, 5, Keys{2, 1})},
                                  "upsert I1 with D2"},
                      PairingCase{
                          "UpsertByText",
                          {MakeInsert(1, 5, Texts{"a", ""}), MakeDelete(2, 5, Texts{"a", ""})},
                          "upsert I1 with D2"},
                      PairingCase{"OtherTimesDoNotPair",
                                  {MakeInsert(1, 5, Keys{1}), MakeDelete(2, 6, Keys{1})},
                                  "insert I1, delete D2"},
                      PairingCase{"DeleteFirstInTheLog",
                                  {MakeDelete(1, 5, Keys{1}), MakeInsert(2, 5, Keys{1})},
                                  "upsert I2 with D1"},
                      PairingCase{"ChunksWithOneDelete",
                                  {MakeInsert(1, 5, Keys{1, 2}), MakeInsert(2, 5, Keys{3}),
                                   MakeDelete(3, 5, Keys{1, 2, 3})},
                                  "upsert I1, upsert I2 with D3"},
                      PairingCase{"ChunksWithSeveralDeletes",
                                  {MakeInsert(1, 5, Keys{1, 2}), MakeInsert(2, 5, Keys{3}),
                                   MakeDelete(3, 5, Keys{2}), MakeDelete(4, 5, Keys{1, 3})},
                                  "upsert I1 with D3, upsert I2 with D4"},
                      PairingCase{"ADeletePartlyCovered",
                                  {MakeInsert(1, 5, Keys{1}), MakeDelete(2, 5, Keys{1, 9})},
                                  "delete D2, upsert I1"},
                      PairingCase{"AnInsertPartlyDeleted",
                                  {MakeInsert(1, 5, Keys{1, 2}), MakeDelete(2, 5, Keys{1})},
                                  "delete D2, insert I1"},
                      PairingCase{"NewKeysOfAnAutoIdUpsert",
                                  {MakeInsert(1, 5, Keys{101, 102}), MakeDelete(2, 5, Keys{1, 2})},
                                  "delete D2, insert I1"},
                      PairingCase{"OneOfTwoInserts",
                                  {MakeInsert(1, 5, Keys{1}), MakeInsert(2, 5, Keys{7}),
                                   MakeDelete(3, 5, Keys{1})},
                                  "upsert I1 with D3, insert I2"},
                      PairingCase{"ADeleteHeldBackByAnInsertThatIsNoUpsert",
                                  {MakeInsert(1, 5, Keys{1}), MakeInsert(2, 5, Keys{2, 3}),
                                   MakeDelete(3, 5, Keys{1, 2})},
                                  "delete D3, upsert I1, insert I2"},
                      PairingCase{"NumbersAndTextsDoNotMix",
                                  {MakeInsert(1, 5, Texts{"1"}), MakeDelete(2, 5, Keys{1})},
                                  "delete D2, insert I1"},
                      PairingCase{"SeveralTimes",
                                  {MakeInsert(1, 4, Keys{1}), MakeInsert(2, 5, Keys{1}),
                                   MakeDelete(3, 5, Keys{1}), MakeDelete(4, 6, Keys{1}),
                                   MakeInsert(5, 7, Keys{1})},
                                  "insert I1, upsert I2 with D3, delete D4, insert I5"}),
    [](const auto& test) { return test.param.name; });

TEST(PairUpserts, WithoutTheKeyColumnNothingIsPaired) {
  const std::vector<MessagePtr> rows = {MakeInsert(1, 5, Keys{1}), MakeDelete(2, 5, Keys{1})};
  EXPECT_EQ(Show(PairUpserts(rows, FieldId{7})), "delete D2, insert I1");
}

// The content of a table: for each key, the number of rows and the message that wrote the newest.
using Table = std::map<int64_t, std::vector<std::string>>;

Keys KeysOf(const MessagePtr& message) {
  std::vector<uint64_t> keys;
  const KeyColumn column = message->type == MessageType::kDelete
                               ? message->keys
                               : KeyColumn{.is_string = false, .body = message->columns[0].body};
  EXPECT_TRUE(AppendKeyHashes(column, &keys));
  Keys numbers(keys.size());
  std::transform(keys.begin(), keys.end(), numbers.begin(),
                 [](uint64_t key) { return static_cast<int64_t>(key); });
  return numbers;
}

// Applies the messages as the source does: a delete removes what is older than its ts.
Table ApplyAsSource(const std::vector<MessagePtr>& rows) {
  std::map<int64_t, std::vector<std::pair<uint64_t, std::string>>> versions;
  for (const MessagePtr& row : rows) {
    for (const int64_t key : KeysOf(row)) {
      auto& list = versions[key];
      if (row->type == MessageType::kInsert) {
        list.emplace_back(row->ts.value, row->id.bytes);
      } else {
        std::erase_if(list, [&row](const auto& v) { return v.first < row->ts.value; });
      }
    }
  }
  Table table;
  for (const auto& [key, list] : versions) {
    for (const auto& version : list) {
      table[key].push_back(version.second);
    }
  }
  return table;
}

// Applies the events as a target does: one call after the other.
Table ApplyAsTarget(const std::vector<RowEvent>& events) {
  Table table;
  for (const RowEvent& event : events) {
    for (const int64_t key : KeysOf(event.message)) {
      if (event.op != RowOp::kInsert) {
        table.erase(key);
      }
      if (event.op != RowOp::kDelete) {
        table[key].push_back(event.message->id.bytes);
      }
    }
  }
  return table;
}

Keys RandomKeys(std::minstd_rand& random) {
  Keys keys = {0, 1, 2, 3, 4, 5};
  std::shuffle(keys.begin(), keys.end(), random);
  keys.resize(random() % 3 + 1);
  return keys;
}

TEST(PairUpserts, AnyLogHasTheSameEffectAsOnTheSource) {
  std::minstd_rand random(4711);
  int upserts = 0;
  for (int round = 0; round < 3000; ++round) {
    std::vector<MessagePtr> rows;
    int at = 0;
    for (uint64_t ts = 1; ts < 6; ++ts) {
      Keys inserted;  // within one ts, a key is inserted only once
      for (auto n = random() % 4; n > 0; --n) {
        Keys keys = RandomKeys(random);
        if (random() % 2 == 0) {
          rows.push_back(MakeDelete(++at, ts, keys));
          continue;
        }
        std::erase_if(keys, [&](int64_t key) { return std::ranges::count(inserted, key) > 0; });
        if (!keys.empty()) {
          inserted.insert(inserted.end(), keys.begin(), keys.end());
          rows.push_back(MakeInsert(++at, ts, keys));
        }
      }
    }
    const std::vector<RowEvent> events = PairUpserts(rows, kTestKey);
    ASSERT_EQ(ApplyAsTarget(events), ApplyAsSource(rows)) << "round " << round << Show(events);
    size_t messages = 0;
    for (const RowEvent& event : events) {
      messages += 1 + event.also.size();
      upserts += event.op == RowOp::kUpsert ? 1 : 0;
    }
    ASSERT_EQ(messages, rows.size());
  }
  EXPECT_GT(upserts, 100);
}

}  // namespace
}  // namespace cdc
