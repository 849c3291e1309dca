// EtcdRecordStore and EtcdOwner against a real etcd whose calls fail when the test says so.

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "base/testing/eventually.h"
#include "base/testing/free_port.h"
#include "base/thread.h"
#include "etcd/testing/etcd_process.h"
#include "metastore/etcd/etcd_meta_store.h"
#include "metastore/etcd/etcd_record_store.h"

namespace cdc {
namespace {

using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr const char* kBase = "root/milvus-cdc/";

// What becomes of a transaction.
enum class Fate {
  kAnswered,
  kRefused,     // not executed, and an error
  kUnanswered,  // executed, and an error
  kLate,        // an error, and executed before the next one
};

// Decides the fate of each transaction, counted from 1, of any client that has it.
struct Fates {
  std::function<Fate(int)> decide = [](int) { return Fate::kAnswered; };
  int transactions = 0;
  std::optional<EtcdTxn> late;
  std::atomic<bool> leases_answer{true};
};

class FatefulEtcd final : public EtcdWriter {
 public:
  FatefulEtcd(std::unique_ptr<EtcdWriter> etcd, Fates* fates)
      : etcd_(std::move(etcd)), fates_(fates) {}

  Result<EtcdRange> Range(const KeyRange& range,
                          const RangeOptions& options,
                          const std::stop_token& stop) override {
    return etcd_->Range(range, options, stop);
  }
  Result<RangeSummary> Summarize(const std::vector<KeyRange>& ranges,
                                 const std::stop_token& stop) override {
    return etcd_->Summarize(ranges, stop);
  }
  Result<EtcdStatus> GetStatus(const std::stop_token& stop) override {
    return etcd_->GetStatus(stop);
  }
  Result<std::unique_ptr<EtcdWatch>> Watch(const KeyRange& range,
                                           int64_t start_revision,
                                           const std::stop_token& stop) override {
    return etcd_->Watch(range, start_revision, stop);
  }
  Result<EtcdTxnResult> Txn(const EtcdTxn& txn, const std::stop_token& stop) override {
    if (fates_->late) {
      EXPECT_TRUE(etcd_->Txn(*std::exchange(fates_->late, std::nullopt), stop).ok());
    }
    const Fate fate = fates_->decide(++fates_->transactions);
    if (fate == Fate::kLate) {
      fates_->late = txn;
    }
    if (fate == Fate::kAnswered || fate == Fate::kUnanswered) {
      Result<EtcdTxnResult> result = etcd_->Txn(txn, stop);
      if (fate == Fate::kAnswered) {
        return result;
      }
    }
    return UnavailableError("no answer");
  }
  Result<EtcdLease> GrantLease(seconds ttl, const std::stop_token& stop) override {
    return etcd_->GrantLease(ttl, stop);
  }
  Status KeepLease(int64_t lease, const std::stop_token& stop) override {
    return fates_->leases_answer ? etcd_->KeepLease(lease, stop) : UnavailableError("no answer");
  }
  Status RevokeLease(int64_t lease, const std::stop_token& stop) override {
    return etcd_->RevokeLease(lease, stop);
  }

 private:
  const std::unique_ptr<EtcdWriter> etcd_;
  Fates* const fates_;
};

class EtcdRecordStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!HasEtcdBinary()) {
      GTEST_SKIP() << "NOT TESTED: the etcd binary is not installed";
    }
    auto started = EtcdProcess::Start();
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    etcd_ = *std::move(started);
  }

  std::unique_ptr<EtcdWriter> Connect(Fates* fates) {
    auto client = NewEtcdWriter({.endpoints = {etcd_->endpoint()}});
    CDC_CHECK(client.ok());
    return std::make_unique<FatefulEtcd>(*std::move(client), fates);
  }

  Result<std::unique_ptr<EtcdOwner>> Become(std::function<void(const Status&)> on_lost = {},
                                            const std::stop_token& stop = {}) {
    return EtcdOwner::Become(Connect(&lease_fates_),
                             {.base = kBase,
                              .place = "P",
                              .name = "server one",
                              .ttl = seconds(3),
                              .on_lost = std::move(on_lost)},
                             stop);
  }

  std::unique_ptr<EtcdRecordStore> Open(std::function<void(const Status&)> on_lost = {}) {
    auto owner = Become(std::move(on_lost));
    CDC_CHECK(owner.ok());
    return std::make_unique<EtcdRecordStore>(Connect(&fates_), *std::move(owner), kBase, "P");
  }

  static std::map<std::string, std::string> ReadAll(EtcdRecordStore& store) {
    const auto records = store.Read("");
    EXPECT_TRUE(records.ok()) << records.status().ToString();
    return records.ok() ? *records : std::map<std::string, std::string>{};
  }

  // More than fits into a transaction, by number and by bytes; replaces all records.
  static RecordChanges Large(char content) {
    RecordChanges changes{.removed_below = {""}};
    for (int i = 0; i < 200; ++i) {
      changes.put["k/" + std::to_string(i)] = std::string(i < 9 ? 300'000 : 3, content);
    }
    changes.put["only " + std::string(1, content)] = "";
    return changes;
  }

  std::vector<std::string> KeysBelow(const std::string& prefix) {
    Fates fates;
    const auto range = Connect(&fates)->Range(PrefixRange(prefix), {.keys_only = true}, {});
    EXPECT_TRUE(range.ok());
    std::vector<std::string> keys;
    for (const EtcdKeyValue& kv : range->kvs) {
      keys.push_back(kv.key);
    }
    return keys;
  }

  std::unique_ptr<EtcdProcess> etcd_;
  Fates fates_;
  Fates lease_fates_;
};

TEST_F(EtcdRecordStoreTest, ALargeChangeIsMadeAndLeavesNoJournal) {
  const auto store = Open();
  ASSERT_TRUE(store->Write(Large('a')).ok());
  EXPECT_EQ(ReadAll(*store), Large('a').put);
  ASSERT_TRUE(store->Write(Large('b')).ok());
  EXPECT_EQ(ReadAll(*store), Large('b').put);
  const auto keys = store->ReadKeys("k/1");
  ASSERT_TRUE(keys.ok());
  EXPECT_THAT(*keys, SizeIs(111));
  EXPECT_THAT(KeysBelow(std::string(kBase) + "journal/"), IsEmpty());
}

// Whichever transaction of a large change is the first that does not work, and however it fails:
// afterwards the change is made as a whole if the call has said so, and as a whole or not at all if
// it has not. The same process goes on, or another one takes over.
TEST_F(EtcdRecordStoreTest, ALargeChangeIsNeverMadeInPart) {
  const auto before = Large('a').put;
  const auto after = Large('b').put;
  int made = 0;
  int not_made = 0;
  for (const Fate fate : {Fate::kRefused, Fate::kUnanswered, Fate::kLate}) {
    for (const bool another : {false, true}) {
      for (int fails = 1;; ++fails) {
        auto store = Open();
        ASSERT_TRUE(store->Write(Large('a')).ok());
        fates_.transactions = 0;
        fates_.decide = [&](int number) {
          return number < fails ? Fate::kAnswered : number == fails ? fate : Fate::kRefused;
        };
        const Status status = store->Write(Large('b'));
        const bool reached = fates_.transactions >= fails;
        fates_.decide = [](int) { return Fate::kAnswered; };
        if (another) {
          fates_.late.reset();  // its owner is no longer one
          store.reset();
          store = Open();
        }
        const auto records = ReadAll(*store);
        const bool is_made = records == after;
        ASSERT_TRUE(is_made || records == before) << fails;
        ASSERT_TRUE(is_made || !status.ok()) << fails;
        ++(is_made ? made : not_made);
        // And it goes on.
        ASSERT_TRUE(store->Write({.put = {{"next", "1"}}}).ok());
        auto expected = ReadAll(*store).contains("only b") ? after : before;
        ASSERT_TRUE(expected == after || !is_made);
        expected["next"] = "1";
        ASSERT_EQ(ReadAll(*store), expected);
        store.reset();
        if (!reached) {
          ASSERT_GT(fails, 4);
          break;
        }
      }
    }
  }
  EXPECT_GT(made, 10);
  EXPECT_GT(not_made, 10);
}

TEST_F(EtcdRecordStoreTest, AWriteWithoutAnAnswerIsFound) {
  const auto store = Open();
  ASSERT_TRUE(store->Write({.put = {{"a", "1"}}}).ok());
  fates_.decide = [](int) { return Fate::kUnanswered; };
  EXPECT_TRUE(store->Write({.put = {{"a", "2"}}}).ok());
  fates_.decide = [](int) { return Fate::kAnswered; };
  EXPECT_TRUE(store->Write({.put = {{"b", "3"}}}).ok());
  EXPECT_EQ(ReadAll(*store), (std::map<std::string, std::string>{{"a", "2"}, {"b", "3"}}));
}

TEST_F(EtcdRecordStoreTest, ALateWriteDoesNotReplaceANewerOne) {
  const auto store = Open();
  ASSERT_TRUE(store->Write({.put = {{"a", "1"}}}).ok());
  fates_.decide = [](int) { return Fate::kLate; };
  const Status late = store->Write({.put = {{"a", "2"}}});
  EXPECT_EQ(late.code(), StatusCode::kUnavailable);
  EXPECT_THAT(late.message(), HasSubstr("metastore P: "));
  fates_.decide = [](int) { return Fate::kAnswered; };
  EXPECT_TRUE(store->Write({.put = {{"a", "3"}}}).ok());
  EXPECT_TRUE(store->Write({.put = {{"b", "4"}}}).ok());
  EXPECT_EQ(ReadAll(*store), (std::map<std::string, std::string>{{"a", "3"}, {"b", "4"}}));
}

TEST_F(EtcdRecordStoreTest, ASecondOneWaitsForTheFirst) {
  auto first = Open();
  ASSERT_TRUE(first->Write({.put = {{"a", "1"}}}).ok());
  std::atomic<bool> owned{false};
  Thread thread("second", [&](const std::stop_token& stop) {
    const auto second = Become({}, stop);
    EXPECT_TRUE(second.ok()) << second.status().ToString();
    owned = true;
  });
  // It does not get the lock while the first one lives: not after twice the lease either.
  EXPECT_FALSE(Eventually([&] { return owned.load(); }, seconds(6)));
  EXPECT_TRUE(first->CheckOwned().ok());
  first.reset();
  EXPECT_TRUE(Eventually([&] { return owned.load(); }, kSoon));
}

TEST_F(EtcdRecordStoreTest, TheWaitCanBeStopped) {
  const auto first = Open();
  std::stop_source stop;
  Status waited;
  Thread thread("second",
                [&](const std::stop_token&) { waited = Become({}, stop.get_token()).status(); });
  stop.request_stop();
  thread.Join();
  EXPECT_EQ(waited.code(), StatusCode::kCancelled);
}

// What a suspended server is: its lease ends, another one takes over, and then it goes on.
TEST_F(EtcdRecordStoreTest, AnEarlierOwnerCanWriteNothing) {
  std::atomic<int> lost{0};
  const auto first = Open([&](const Status&) { ++lost; });
  ASSERT_TRUE(first->Write({.put = {{"a", "1"}}}).ok());
  lease_fates_.leases_answer = false;
  Fates others;
  auto second = EtcdOwner::Become(
      Connect(&others), {.base = kBase, .place = "P", .name = "server two", .ttl = seconds(9)}, {});
  ASSERT_TRUE(second.ok()) << second.status().ToString();
  EXPECT_EQ(first->CheckOwned().code(), StatusCode::kUnavailable);
  for (const RecordChanges& changes : {RecordChanges{.put = {{"a", "2"}}}, Large('x')}) {
    const Status status = first->Write(changes);
    EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
    EXPECT_THAT(status.message(), HasSubstr("has been taken over by server two"));
  }
  EXPECT_EQ(first->CheckOwned().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(lost, 1);
  EtcdRecordStore store(Connect(&fates_), *std::move(second), kBase, "P");
  EXPECT_EQ(ReadAll(store), (std::map<std::string, std::string>{{"a", "1"}}));
}

TEST_F(EtcdRecordStoreTest, AnOwnerThatWasAwayNoticesItself) {
  std::atomic<int> lost{0};
  const auto first = Become([&](const Status&) { ++lost; });
  ASSERT_TRUE(first.ok());
  lease_fates_.leases_answer = false;
  Fates others;
  auto second = EtcdOwner::Become(
      Connect(&others), {.base = kBase, .place = "P", .name = "server two", .ttl = seconds(9)}, {});
  ASSERT_TRUE(second.ok()) << second.status().ToString();
  EXPECT_EQ(lost, 0);
  lease_fates_.leases_answer = true;
  EXPECT_TRUE(Eventually([&] { return lost == 1; }));
}

// etcd was away for longer than the lease, and nobody else has come.
TEST_F(EtcdRecordStoreTest, AnOwnerTakesItsOwnLockAgain) {
  const auto store = Open();
  lease_fates_.leases_answer = false;
  ASSERT_TRUE(Eventually([this] { return KeysBelow(std::string(kBase) + "lock").empty(); }));
  EXPECT_EQ(store->CheckOwned().code(), StatusCode::kUnavailable);
  EXPECT_TRUE(store->Write({.put = {{"a", "1"}}}).ok());
  lease_fates_.leases_answer = true;
  ASSERT_TRUE(Eventually([&] { return store->CheckOwned().ok(); }));
  EXPECT_THAT(KeysBelow(std::string(kBase) + "lock"), SizeIs(1));
  EXPECT_TRUE(store->Write({.put = {{"a", "2"}}}).ok());
}

TEST_F(EtcdRecordStoreTest, TheServerIsAwayAndComesBack) {
  const auto store = Open();
  ASSERT_TRUE(store->Write({.put = {{"a", "1"}}}).ok());
  etcd_->Kill();
  EXPECT_EQ(store->Write({.put = {{"a", "2"}}}).code(), StatusCode::kUnavailable);
  EXPECT_EQ(store->Read("").status().code(), StatusCode::kUnavailable);
  ASSERT_TRUE(etcd_->Restart().ok());
  EXPECT_TRUE(Eventually([&] { return store->Write({.put = {{"a", "3"}}}).ok(); }));
  EXPECT_EQ(ReadAll(*store), (std::map<std::string, std::string>{{"a", "3"}}));
}

TEST_F(EtcdRecordStoreTest, ANewStoreBeginsWithWhatAnEarlierProgramHasStored) {
  const std::string task =
      R"({"TaskID":"t1","MilvusConnectParam":{"uri":"http://h:1"},"State":2,"Reason":"by hand"})";
  const std::string position =
      R"({"TaskID":"t1","CollectionID":5,"Positions":{"dml_0":{"Time":1700000000000,)"
      R"("DataPair":{"key":"dml_0","data":"AQI="}}}})";
  etcd_->Put("root/task_info/t1", task);
  etcd_->Put("root/task_position/t1/5", position);
  etcd_->Put("root/task_information", "not a task");
  const auto open = [this](const std::string& root) {
    return OpenEtcdMetaStore({.etcd = {.endpoints = {etcd_->endpoint()}}, .root_path = root}, {});
  };
  {
    const auto store = open("root/");
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    const auto tasks = (*store)->ListTasks();
    ASSERT_TRUE(tasks.ok());
    ASSERT_THAT(*tasks, SizeIs(1));
    EXPECT_EQ(tasks->front().reason, "by hand");
    const auto progress = (*store)->LoadProgress("t1");
    ASSERT_TRUE(progress.ok());
    ASSERT_THAT(progress->channels, SizeIs(1));
    EXPECT_GT(progress->channels[0].horizon.UnixMs(), Clock::Real().UnixMs());
    ASSERT_TRUE((*store)->DeleteTask("t1").ok());
  }
  // Once only: what is deleted stays deleted.
  EXPECT_THAT(*(*open("root"))->ListTasks(), IsEmpty());
  EXPECT_THAT(KeysBelow("root/task_"), SizeIs(3));
  etcd_->Put("other/task_info/t1", "no JSON");
  const Status refused = open("other").status();
  EXPECT_EQ(refused.code(), StatusCode::kDataLoss);
  EXPECT_THAT(refused.message(),
              AllOf(HasSubstr("metastore etcd"), HasSubstr("other/task_info/t1")));
  EXPECT_THAT(*(*open(""))->ListTasks(), IsEmpty());
}

TEST_F(EtcdRecordStoreTest, OpenNamesThePlaceAndNoPassword) {
  const std::string dead = "127.0.0.1:" + std::to_string(FreePort());
  const Status status =
      OpenEtcdMetaStore(
          {.etcd = {.endpoints = {dead}, .user = "u", .password = "s3cret"}, .root_path = "root"},
          {})
          .status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), AllOf(HasSubstr(dead), HasSubstr(kBase), Not(HasSubstr("s3cret"))));
  EXPECT_EQ(OpenEtcdMetaStore({}, {}).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace cdc
