#include "metastore/etcd/etcd_changes.h"

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc::etcd_changes {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

// What etcd does with a transaction of them; fails if etcd would refuse it.
void Apply(const std::vector<Operation>& operations, std::map<std::string, std::string>* keys) {
  for (const Operation& operation : operations) {
    if (!operation.value) {
      ASSERT_LT(operation.keys.begin, operation.keys.end);
      for (const Operation& other : operations) {
        ASSERT_FALSE(other.value && other.keys.begin >= operation.keys.begin &&
                     other.keys.begin < operation.keys.end)
            << "etcd refuses to delete what is put";
      }
      keys->erase(keys->lower_bound(operation.keys.begin), keys->lower_bound(operation.keys.end));
    }
  }
  std::set<std::string> put;
  for (const Operation& operation : operations) {
    if (operation.value) {
      ASSERT_TRUE(put.insert(operation.keys.begin).second) << "etcd refuses to put a key twice";
      (*keys)[operation.keys.begin] = *operation.value;
    }
  }
}

std::map<std::string, std::string> RecordsOf(const std::map<std::string, std::string>& keys,
                                             const std::string& base) {
  std::vector<EtcdKeyValue> kvs;
  for (const auto& [key, value] : keys) {
    kvs.push_back({.key = key, .value = value});
  }
  return Join(std::move(kvs), base);
}

TEST(EtcdChangesTest, AValueOfAnySizeIsWhatItWas) {
  std::map<std::string, std::string> keys;
  for (const size_t size : {size_t{0}, size_t{5}, kMaxPartBytes, kMaxPartBytes + 1,
                            12 * kMaxPartBytes - 1, kMaxPartBytes + 1, size_t{1}, size_t{0}}) {
    std::string value(size, 'x');
    if (size > 0) {
      value.back() = '\0';
    }
    Apply(OperationsOf({.put = {{"k", value}, {"k0", "other"}}}, "b/"), &keys);
    const auto records = RecordsOf(keys, "b/");
    ASSERT_THAT(records, SizeIs(2));
    EXPECT_EQ(records.at("k"), value);
    for (const auto& [key, part] : keys) {
      EXPECT_LE(part.size(), kMaxPartBytes);
    }
  }
  Apply(OperationsOf({.removed = {"k", "k0", "none"}}, "b/"), &keys);
  EXPECT_THAT(keys, IsEmpty());
}

TEST(EtcdChangesTest, NoChangesAreNoOperations) { EXPECT_THAT(OperationsOf({}, "b/"), IsEmpty()); }

// Against the same changes of a plain map; each twice, as after a crash.
TEST(EtcdChangesTest, RandomChangesDoWhatTheySay) {
  std::mt19937 random(7);
  const auto pick = [&random](int below) {
    return std::uniform_int_distribution<int>(0, below - 1)(random);
  };
  const auto key = [&pick] {
    return std::string(1, static_cast<char>('a' + pick(3))) + "/" + std::to_string(pick(12));
  };
  std::map<std::string, std::string> keys = {{"b", "not ours"}, {"b0", "not ours"}};
  std::map<std::string, std::string> expected;
  for (int round = 0; round < 500; ++round) {
    RecordChanges changes;
    for (int i = pick(4); i > 0; --i) {
      changes.removed.push_back(key());
    }
    for (int i = pick(3); i > 0; --i) {
      changes.removed_below.push_back(key().substr(0, static_cast<size_t>(1 + pick(3))));
    }
    for (int i = pick(6); i > 0; --i) {
      changes.put[key()] =
          std::string(pick(4) == 0 ? 3 * kMaxPartBytes : 2, static_cast<char>('a' + pick(26)));
    }
    for (const std::string& each : changes.removed) {
      expected.erase(each);
    }
    for (const std::string& prefix : changes.removed_below) {
      std::erase_if(expected, [&](const auto& each) { return each.first.starts_with(prefix); });
    }
    for (const auto& [each, value] : changes.put) {
      expected[each] = value;
    }
    const std::vector<Operation> operations = OperationsOf(changes, "b/");
    Apply(operations, &keys);
    std::optional<std::vector<Operation>> again = Decode(Encode(operations));
    ASSERT_EQ(again, operations);
    for (const auto& some : Divide(*std::move(again))) {
      EXPECT_LE(some.size(), kMaxTxnOperations);
      Apply(some, &keys);
    }
    ASSERT_EQ(keys.at("b"), "not ours");
    ASSERT_EQ(keys.at("b0"), "not ours");
    auto ours = keys;
    ours.erase("b");
    ours.erase("b0");
    ASSERT_EQ(RecordsOf(ours, "b/"), expected) << "round " << round;
  }
}

TEST(EtcdChangesTest, TransactionsKeepWithinTheLimits) {
  std::vector<Operation> operations;
  for (int i = 0; i < 300; ++i) {
    operations.push_back({.keys = {.begin = std::to_string(i)},
                          .value = std::string(i % 50 == 0 ? kMaxPartBytes : 1, 'x')});
  }
  std::vector<Operation> joined;
  for (const auto& some : Divide(operations)) {
    size_t bytes = 0;
    for (const Operation& operation : some) {
      bytes += operation.Bytes();
      joined.push_back(operation);
    }
    EXPECT_LE(bytes, kMaxTxnBytes);
    EXPECT_LE(some.size(), kMaxTxnOperations);
  }
  EXPECT_EQ(joined, operations);
}

TEST(EtcdChangesTest, DamagedJournalIsNone) {
  const std::string good = Encode(OperationsOf({.put = {{"k", "value"}}}, "b/"));
  for (size_t size = 1; size < good.size(); ++size) {
    const auto decoded = Decode(good.substr(0, size));
    EXPECT_TRUE(!decoded || Encode(*decoded).size() == size);
  }
  EXPECT_EQ(Decode("x"), std::nullopt);
  EXPECT_EQ(Decode("X" + good.substr(1)), std::nullopt);
}

}  // namespace
}  // namespace cdc::etcd_changes
