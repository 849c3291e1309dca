#include "snapshot/surplus_removal.h"

#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "source/testing/fake_snapshot_source.h"
#include "wire/wire_writer.h"

namespace cdc {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr CollectionId kId{7};
constexpr PartitionId kA{10};
constexpr PartitionId kB{11};
constexpr const char* kShard0 = "dml_0_7v0";
constexpr const char* kShard1 = "dml_1_7v1";

// An insert as the source's stored rows come, with nothing but the key column `id` (field 100).
std::string StoredKeys(PartitionId partition, const std::vector<PrimaryKey>& keys) {
  const bool texts = std::holds_alternative<std::string>(keys.front());
  std::string array;
  std::string ints;
  std::string times;
  for (const PrimaryKey& key : keys) {
    if (texts) {
      wire::AppendBytesField(1, std::get<std::string>(key), &array);
    } else {
      wire::AppendVarint(static_cast<uint64_t>(std::get<int64_t>(key)), &ints);
    }
    wire::AppendVarint(1, &times);
  }
  if (!texts) {
    wire::AppendBytesField(1, ints, &array);
  }
  std::string scalars;
  wire::AppendBytesField(texts ? 6 : 3, array, &scalars);
  std::string column;
  wire::AppendVarintField(1, static_cast<uint64_t>(texts ? DataType::kVarChar : DataType::kInt64),
                          &column);
  wire::AppendBytesField(2, "id", &column);
  wire::AppendBytesField(3, scalars, &column);
  wire::AppendVarintField(5, 100, &column);
  std::string base;
  wire::AppendVarintField(1, 400, &base);
  std::string out;
  wire::AppendBytesField(1, base, &out);
  wire::AppendBytesField(2, kShard0, &out);
  wire::AppendVarintField(7, static_cast<uint64_t>(kId.value), &out);
  wire::AppendVarintField(8, static_cast<uint64_t>(partition.value), &out);
  wire::AppendBytesField(10, times, &out);
  wire::AppendBytesField(13, column, &out);
  wire::AppendVarintField(14, keys.size(), &out);
  wire::AppendVarintField(15, 1, &out);
  return out;
}

// A target that holds keys, and deletes them. It acknowledges at once.
class HeldKeys final : public KeyReader, public RowConsumer {
 public:
  // By the name of the partition.
  std::map<std::string, std::multiset<PrimaryKey>> rows;
  std::map<PartitionId, std::string> names{{kA, "a"}, {kB, "b"}};
  size_t page = 3;
  Status failure;  // of the reading after the next `reads_left`
  size_t reads_left = 0;
  size_t reads = 0;
  bool ignores_deletes = false;
  bool hides = false;  // leaves out a key after one that it holds twice
  std::vector<std::string> deletes;

  bool by_partition = true;
  bool has_keys_by_partition() const override { return by_partition; }

  Result<KeyPage> ReadKeys(const KeyScope& scope,
                           const std::optional<PrimaryKey>& after,
                           const std::stop_token& stop) override {
    ++reads;
    if (stop.stop_requested()) {
      return CancelledError("stopped");
    }
    if (!failure.ok() && reads_left-- == 0) {
      return std::exchange(failure, OkStatus());
    }
    EXPECT_EQ(scope.target.ToString(), "default.c");
    EXPECT_EQ(scope.primary_key, "id");
    std::multiset<PrimaryKey> all;
    for (const auto& [name, keys] : rows) {
      if (scope.partition.empty() || scope.partition == name) {
        all.insert(keys.begin(), keys.end());
      }
    }
    KeyPage found;
    auto key = after.has_value() ? all.upper_bound(*after) : all.begin();
    while (key != all.end() && found.keys.size() < page) {
      found.keys.push_back(*key);
      const bool twice = all.count(*key) > 1;
      key = all.upper_bound(*key);
      if (hides && twice && key != all.end()) {
        key = all.upper_bound(*key);
      }
    }
    found.next = found.keys.empty() ? std::nullopt : std::optional(found.keys.back());
    return found;
  }

  void Push(CollectionId /*collection*/,
            const std::string& lane,
            const std::shared_ptr<AckTracker>& tracker,
            std::vector<PendingRows> pushed) override {
    for (const PendingRows& each : pushed) {
      EXPECT_EQ(each.op, RowOp::kDelete);
      const std::string name =
          each.message->partition == kAllPartitions ? "" : names.at(each.message->partition);
      deletes.push_back(lane + " " + name + " " + std::to_string(each.message->rows));
      std::vector<std::string_view> texts;
      if (each.message->keys.is_string) {
        EXPECT_TRUE(AppendStringKeys(each.message->keys, &texts));
      }
      for (size_t i = 0; i < each.keys.size(); ++i) {
        const PrimaryKey key = each.message->keys.is_string
                                   ? PrimaryKey(std::string(texts[i]))
                                   : PrimaryKey(static_cast<int64_t>(each.keys[i]));
        for (auto& [partition, keys] : rows) {
          if (!ignores_deletes && (name.empty() || name == partition)) {
            keys.erase(key);
          }
        }
      }
      for (const AckTracker::Ticket ticket : each.tickets) {
        tracker->Ack(ticket);
      }
    }
  }
};

class SurplusRemovalTest : public testing::Test {
 protected:
  SurplusRemovalTest() {
    collection_.id = kId;
    collection_.vchannels = {kShard0, kShard1};
    UseKeys(DataType::kInt64);
    gate_.target = {"default", "c"};
    gate_.primary_key = "id";
    gate_.may_hold_until = {100};
    gate_.partitions = {kA, kB};
    gate_.names = target_.names;
  }

  void UseKeys(DataType type) {
    collection_.schema.fields = {{.id = {100}, .name = "id", .type = type, .is_primary_key = true}};
  }
  // What the source has, at every plan from the next on.
  void Store(const std::vector<std::string>& first, const std::vector<std::string>& second = {}) {
    source_.Add({{kShard0, {.takeover = {}, .parts = {{.id = 1, .payloads = first}}}},
                 {kShard1, {.takeover = {}, .parts = {{.id = 2, .payloads = second}}}}});
  }
  SurplusRemoval Make(size_t set_bytes = 1U << 20,
                      bool tell_all_shards = false,
                      const CopySelection& selection = {}) {
    return SurplusRemoval({.source = &source_,
                           .target = &target_,
                           .consumer = &target_,
                           .gate = [this](CollectionId) { return std::optional(gate_); },
                           .selection = selection,
                           .channel = "snapshot",
                           .tell_all_shards = tell_all_shards,
                           .set_bytes = set_bytes});
  }
  Status Run(SurplusRemoval* removal) {
    return removal->Run(
        collection_, {},
        [](const std::function<bool()>& reached) {
          return reached() ? OkStatus() : CancelledError("never");
        },
        stop_.get_token());
  }
  void ExpectRun() {
    SurplusRemoval removal = Make();
    const Status run = Run(&removal);
    EXPECT_TRUE(run.ok()) << run.ToString();
  }
  static std::vector<PrimaryKey> Range(int64_t begin, int64_t end) {
    std::vector<PrimaryKey> keys;
    for (int64_t key = begin; key < end; ++key) {
      keys.emplace_back(key);
    }
    return keys;
  }
  static std::multiset<PrimaryKey> Set(const std::vector<PrimaryKey>& keys) {
    return {keys.begin(), keys.end()};
  }

  Collection collection_;
  RowGate gate_;
  FakeSnapshotSource source_;
  HeldKeys target_;
  std::stop_source stop_;
};

TEST_F(SurplusRemovalTest, RemovesWhatTheSourceDoesNotHaveByPartition) {
  Store({StoredKeys(kA, Range(0, 10))}, {StoredKeys(kB, Range(20, 30))});
  target_.rows["a"] = Set(Range(-5, 25));
  target_.rows["b"] = Set(Range(5, 30));
  ExpectRun();
  EXPECT_EQ(target_.rows["a"], Set(Range(0, 10)));
  EXPECT_EQ(target_.rows["b"], Set(Range(20, 30)));
}

TEST_F(SurplusRemovalTest, EmptySourcesLeaveNothing) {
  Store({});
  target_.rows["a"] = Set(Range(0, 100));
  ExpectRun();
  EXPECT_THAT(target_.rows["a"], IsEmpty());
}

TEST_F(SurplusRemovalTest, Texts) {
  UseKeys(DataType::kVarChar);
  const std::vector<PrimaryKey> kept{std::string("a"), std::string(), std::string("\u00e4")};
  Store({StoredKeys(kA, kept)});
  target_.rows["a"] = Set(kept);
  target_.rows["a"].insert({std::string("b"), std::string("aa"), std::string("\"\\")});
  ExpectRun();
  EXPECT_EQ(target_.rows["a"], Set(kept));
}

TEST_F(SurplusRemovalTest, ManyKeysAreComparedInShares) {
  for (const DataType type : {DataType::kInt64, DataType::kVarChar}) {
    UseKeys(type);
    std::vector<std::string> payloads;
    target_.rows.clear();
    std::multiset<PrimaryKey> kept;
    for (int64_t key = 0; key < 3'000; ++key) {
      const PrimaryKey value =
          type == DataType::kInt64 ? PrimaryKey(key) : PrimaryKey(std::to_string(key));
      target_.rows["a"].insert(value);
      if (key % 3 == 0) {
        kept.insert(value);
        payloads.push_back(StoredKeys(kA, {value}));
      }
    }
    FakeSnapshotSource source;
    source.Add({{kShard0, {.takeover = {}, .parts = {{.id = 1, .payloads = payloads}}}}});
    target_.page = 100;
    SurplusRemoval removal({.source = &source,
                            .target = &target_,
                            .consumer = &target_,
                            .gate = [this](CollectionId) { return std::optional(gate_); },
                            .channel = "snapshot",
                            .set_bytes = 1'000});
    const Status run = Run(&removal);
    EXPECT_TRUE(run.ok()) << run.ToString();
    EXPECT_EQ(target_.rows["a"], kept);
    EXPECT_GE(source.asked().size(), 8U) << "read once for each share";
  }
}

TEST_F(SurplusRemovalTest, LeavesACollectionAloneThatWasMadeForTheCopy) {
  gate_.may_hold_until = {};
  Store({});
  target_.rows["a"] = Set(Range(0, 5));
  ExpectRun();
  EXPECT_EQ(target_.reads, 0U);
}

TEST_F(SurplusRemovalTest, WaitsForTheGate) {
  Store({});
  bool open = false;
  SurplusRemoval removal(
      {.source = &source_,
       .target = &target_,
       .consumer = &target_,
       .gate = [&](CollectionId) { return open ? std::optional(gate_) : std::nullopt; },
       .channel = "snapshot"});
  EXPECT_EQ(Run(&removal).code(), StatusCode::kCancelled);
  EXPECT_EQ(target_.reads, 0U);
  open = true;
  EXPECT_TRUE(Run(&removal).ok());
  EXPECT_GT(target_.reads, 0U);
}

TEST_F(SurplusRemovalTest, GoesOnAfterAnError) {
  Store({StoredKeys(kA, Range(0, 10))});
  target_.rows["a"] = Set(Range(0, 100));
  target_.failure = UnavailableError("not loaded");
  target_.reads_left = 10;
  SurplusRemoval removal = Make();
  EXPECT_EQ(Run(&removal).message(), "not loaded");
  EXPECT_GT(target_.rows["a"].size(), 10U);
  EXPECT_LT(target_.rows["a"].size(), 100U);
  EXPECT_TRUE(Run(&removal).ok());
  EXPECT_EQ(target_.rows["a"], Set(Range(0, 10)));
  // As after a crash: nothing is known.
  target_.rows["a"].insert(PrimaryKey(int64_t{77}));
  ExpectRun();
  EXPECT_EQ(target_.rows["a"], Set(Range(0, 10)));
}

TEST_F(SurplusRemovalTest, ReadsAgainWhatATargetHasHidden) {
  Store({StoredKeys(kA, Range(0, 10))});
  target_.rows["a"] = Set(Range(0, 40));
  for (const int64_t twice : {12, 14, 15, 20, 33}) {
    target_.rows["a"].insert(PrimaryKey(twice));
  }
  target_.hides = true;
  target_.page = 100;
  ExpectRun();
  EXPECT_EQ(target_.rows["a"], Set(Range(0, 10)));
}

TEST_F(SurplusRemovalTest, AFileThatIsGoneIsLookedForAgain) {
  source_.Add({{kShard0,
                {.takeover = {},
                 .parts = {{.id = 1,
                            .payloads = {StoredKeys(kA, Range(0, 5))},
                            .failure = NotFoundError("no file 1/100/7")}}}}});
  source_.Add(
      {{kShard0,
        {.takeover = {}, .parts = {{.id = 9, .payloads = {StoredKeys(kA, Range(0, 10))}}}}}});
  target_.rows["a"] = Set(Range(0, 20));
  ExpectRun();
  EXPECT_EQ(target_.rows["a"], Set(Range(0, 10)));
}

TEST_F(SurplusRemovalTest, ADamagedFileRemovesNothing) {
  source_.Add({{kShard0,
                {.takeover = {},
                 .parts = {{.id = 1,
                            .payloads = {StoredKeys(kA, Range(0, 5))},
                            .failure = DataLossError("1/100/7: checksum")}}}}});
  target_.rows["a"] = Set(Range(0, 20));
  SurplusRemoval removal = Make();
  EXPECT_EQ(Run(&removal).code(), StatusCode::kDataLoss);
  EXPECT_EQ(target_.rows["a"].size(), 20U);
}

TEST_F(SurplusRemovalTest, WithAPartitionKeyTheTargetChoosesThePartitions) {
  gate_.partition_key = true;
  Store({StoredKeys(kA, Range(0, 3)), StoredKeys(kB, Range(3, 6))});
  target_.rows["_default_0"] = Set(Range(0, 4));
  target_.rows["_default_1"] = Set(Range(4, 9));
  ExpectRun();
  EXPECT_EQ(target_.rows["_default_0"], Set(Range(0, 4)));
  EXPECT_EQ(target_.rows["_default_1"], Set(Range(4, 6)));
  EXPECT_THAT(target_.deletes, ElementsAre("surplus dml_0_7v0  3"));
}

TEST_F(SurplusRemovalTest, WhereADeleteReachesAllPartitionsOnlyForeignKeysAreDeleted) {
  target_.by_partition = false;
  Store({StoredKeys(kA, Range(0, 3))});
  target_.rows["a"] = Set(Range(0, 4));
  target_.rows["b"] = Set(Range(2, 5));  // 2 has moved
  ExpectRun();
  EXPECT_EQ(target_.rows["a"], Set(Range(0, 3)));
  EXPECT_EQ(target_.rows["b"], Set(Range(2, 3)));
}

TEST_F(SurplusRemovalTest, OnlyTheSelectedPartitionsAreCompared) {
  collection_.partitions = {{.id = kA, .name = "a"}, {.id = kB, .name = "b"}};
  const CopySelection only_a{.partitions = {"a"}};
  Store({StoredKeys(kA, Range(0, 3))});
  target_.rows["a"] = Set(Range(1, 5));
  target_.rows["b"] = Set(Range(3, 9));
  SurplusRemoval removal = Make(1U << 20, false, only_a);
  ASSERT_TRUE(Run(&removal).ok());
  EXPECT_EQ(target_.rows["a"], Set(Range(1, 3)));
  EXPECT_EQ(target_.rows["b"], Set(Range(3, 9)));
  EXPECT_THAT(source_.selections(), ElementsAre(only_a));
  // Dropped on the source meanwhile, which the target does not know yet.
  collection_.partitions.erase(collection_.partitions.begin());
  target_.rows["a"] = Set(Range(0, 9));
  ASSERT_TRUE(Run(&removal).ok());
  EXPECT_EQ(target_.rows["a"], Set(Range(0, 9)));
  // Where a delete would reach the other partitions, nothing is done.
  const size_t deletes = target_.deletes.size();
  target_.by_partition = false;
  EXPECT_THAT(Run(&removal).message(), HasSubstr("without --partition"));
  EXPECT_EQ(target_.deletes.size(), deletes);
}

TEST_F(SurplusRemovalTest, EachShardOfAStandbyIsTold) {
  Store({});
  target_.rows["b"] = Set(Range(0, 2));
  SurplusRemoval removal = Make(1'000, /*tell_all_shards=*/true);
  EXPECT_TRUE(Run(&removal).ok());
  EXPECT_THAT(target_.deletes, ElementsAre("surplus dml_0_7v0 b 2", "surplus dml_1_7v1 b 2"));
}

TEST_F(SurplusRemovalTest, DeletesWithoutEffectAreNotRepeatedForever) {
  Store({});
  target_.rows["a"] = Set(Range(0, 5));
  target_.ignores_deletes = true;
  SurplusRemoval removal = Make();
  EXPECT_EQ(Run(&removal).code(), StatusCode::kUnavailable);
  target_.ignores_deletes = false;
  EXPECT_TRUE(Run(&removal).ok());
}

TEST_F(SurplusRemovalTest, ManyDeletesAreSentInParts) {
  Store({});
  target_.rows["a"] = Set(Range(0, 10'000));
  target_.page = 10'000;
  ExpectRun();
  EXPECT_THAT(target_.deletes, ElementsAre("surplus dml_0_7v0 a 4096", "surplus dml_0_7v0 a 4096",
                                           "surplus dml_0_7v0 a 1808"));
}

TEST_F(SurplusRemovalTest, ATargetThatCannotBeReadNamesTheCure) {
  Store({});
  SurplusRemoval removal({.source = &source_,
                          .target = nullptr,
                          .consumer = &target_,
                          .gate = [this](CollectionId) { return std::optional(gate_); },
                          .channel = "snapshot"});
  EXPECT_THAT(Run(&removal).message(),
              AllOf(HasSubstr("drop the collection"), HasSubstr("task retry")));
}

}  // namespace
}  // namespace cdc
