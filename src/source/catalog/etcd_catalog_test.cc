// The catalog on a fake etcd, where the test decides when a change is delivered.

#include "source/catalog/etcd_catalog.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/mutex.h"
#include "base/testing/eventually.h"
#include "base/thread.h"
#include "milvus_meta.pb.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;
using testing::HasSubstr;

const std::stop_token kNoStop;

// A store whose watches deliver nothing before Deliver.
class SlowEtcd {
 public:
  void Put(const std::string& key, const std::string& value) {
    MutexLock lock(mutex_);
    const EtcdKeyValue kv{.key = key, .value = value, .mod_revision = ++revision_};
    keys_[key] = kv;
    pending_.push_back({.deleted = false, .kv = kv});
  }
  void Delete(const std::string& key) {
    MutexLock lock(mutex_);
    keys_.erase(key);
    pending_.push_back({.deleted = true, .kv = {.key = key, .mod_revision = ++revision_}});
  }
  // Moves the revision by a change that the catalog does not follow.
  void PutElsewhere() {
    MutexLock lock(mutex_);
    ++revision_;
  }
  // Everything so far is only in the list, not for the watch.
  void Forget() {
    MutexLock lock(mutex_);
    pending_.clear();
  }
  // Delivers everything so far to the watch.
  void Deliver() {
    MutexLock lock(mutex_);
    for (EtcdEvent& event : pending_) {
      delivered_.push_back(std::move(event));
    }
    pending_.clear();
    changed_.NotifyAll();
  }
  // Makes the current watch and the next `opens` ones fail.
  void Break(const Status& status, int opens = 0) {
    MutexLock lock(mutex_);
    broken_ = status;
    failing_opens_ = opens;
    changed_.NotifyAll();
  }
  int opens() {
    MutexLock lock(mutex_);
    return opens_;
  }

 private:
  friend class SlowClient;
  friend class SlowWatch;

  Mutex mutex_;
  CondVar changed_;
  std::map<std::string, EtcdKeyValue> keys_ CDC_GUARDED_BY(mutex_);
  std::vector<EtcdEvent> pending_ CDC_GUARDED_BY(mutex_);
  std::deque<EtcdEvent> delivered_ CDC_GUARDED_BY(mutex_);
  int64_t revision_ CDC_GUARDED_BY(mutex_) = 1;
  Status broken_ CDC_GUARDED_BY(mutex_);
  int failing_opens_ CDC_GUARDED_BY(mutex_) = 0;
  int opens_ CDC_GUARDED_BY(mutex_) = 0;
};

class SlowWatch final : public EtcdWatch {
 public:
  SlowWatch(SlowEtcd* etcd, int64_t revision) : etcd_(etcd), revision_(revision) {}

  Result<WatchBatch> Next(milliseconds timeout, const std::stop_token& stop) override {
    MutexLock lock(etcd_->mutex_);
    etcd_->changed_.WaitFor(lock, stop, timeout,
                            [this] { return !etcd_->delivered_.empty() || !etcd_->broken_.ok(); });
    if (stop.stop_requested()) {
      return CancelledError("stopped");
    }
    if (!etcd_->broken_.ok()) {
      return std::exchange(etcd_->broken_, OkStatus());
    }
    WatchBatch batch{.revision = revision_};
    if (!etcd_->delivered_.empty()) {
      batch.events.push_back(etcd_->delivered_.front());
      batch.revision = revision_ = batch.events.back().kv.mod_revision;
      etcd_->delivered_.pop_front();
    }
    return batch;
  }
  int64_t StoreRevision() const override { return revision_; }

 private:
  SlowEtcd* const etcd_;
  int64_t revision_;
};

class SlowClient final : public EtcdClient {
 public:
  explicit SlowClient(SlowEtcd* etcd) : etcd_(etcd) {}

  Result<EtcdRange> Range(const KeyRange& range,
                          const RangeOptions& /*options*/,
                          const std::stop_token& /*stop*/) override {
    MutexLock lock(etcd_->mutex_);
    EtcdRange result{.revision = etcd_->revision_};
    for (const auto& [key, kv] : etcd_->keys_) {
      if (key >= range.begin && key < range.end) {
        result.kvs.push_back(kv);
      }
    }
    return result;
  }

  Result<RangeSummary> Summarize(const std::vector<KeyRange>& /*ranges*/,
                                 const std::stop_token& /*stop*/) override {
    MutexLock lock(etcd_->mutex_);
    RangeSummary summary{.revision = etcd_->revision_};
    for (const auto& [key, kv] : etcd_->keys_) {
      ++summary.keys;
      summary.newest_mod_revision = std::max(summary.newest_mod_revision, kv.mod_revision);
    }
    return summary;
  }

  Result<EtcdStatus> GetStatus(const std::stop_token& /*stop*/) override {
    return EtcdStatus{.version = "test"};
  }

  Result<std::unique_ptr<EtcdWatch>> Watch(const KeyRange& /*range*/,
                                           int64_t start_revision,
                                           const std::stop_token& /*stop*/) override {
    MutexLock lock(etcd_->mutex_);
    ++etcd_->opens_;
    if (etcd_->failing_opens_ > 0) {
      --etcd_->failing_opens_;
      return UnavailableError("refused " + std::to_string(etcd_->opens_));
    }
    return std::unique_ptr<EtcdWatch>(std::make_unique<SlowWatch>(etcd_, start_revision - 1));
  }

 private:
  SlowEtcd* const etcd_;
};

class EtcdCatalogSyncTest : public testing::Test {
 protected:
  static std::string DatabaseKey(int64_t id) {
    return "by-dev/meta/root-coord/database/db-info/" + std::to_string(id);
  }
  void PutDatabase(int64_t id, const std::string& name) {
    meta::DatabaseInfo info;
    info.set_id(id);
    info.set_name(name);
    info.set_state(meta::DatabaseCreated);
    etcd_.Put(DatabaseKey(id), info.SerializeAsString());
  }
  void StartCatalog() {
    etcd_.Forget();
    auto started =
        StartEtcdCatalog({.connect_timeout = kPatience,
                          .sync_timeout = milliseconds(30),
                          .reconnect = {.initial = milliseconds(1), .max = milliseconds(1)}},
                         std::make_unique<SlowClient>(&etcd_));
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    catalog_ = *std::move(started);
  }
  StatusCode Sync() { return catalog_->Sync(kNoStop).status().code(); }
  bool Has(int64_t id) { return catalog_->Current()->databases.contains(DatabaseId{id}); }

  SlowEtcd etcd_;
  std::unique_ptr<EtcdCatalog> catalog_;
};

TEST_F(EtcdCatalogSyncTest, WaitsForAPutThatIsNotDeliveredYet) {
  PutDatabase(1, "default");
  StartCatalog();
  EXPECT_EQ(Sync(), StatusCode::kOk);
  PutDatabase(2, "two");
  EXPECT_EQ(Sync(), StatusCode::kDeadlineExceeded);
  etcd_.Deliver();
  ASSERT_TRUE(Eventually([this] { return Sync() == StatusCode::kOk; }));
  EXPECT_TRUE(Has(2));
}

TEST_F(EtcdCatalogSyncTest, WaitsForADeleteOfAnOldKeyThatIsNotDeliveredYet) {
  PutDatabase(1, "default");
  PutDatabase(2, "two");
  StartCatalog();
  etcd_.Delete(DatabaseKey(1));
  // The newest remaining key was delivered long ago: only the number of keys tells.
  EXPECT_EQ(Sync(), StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(Has(1));
  etcd_.Deliver();
  ASSERT_TRUE(Eventually([this] { return Sync() == StatusCode::kOk; }));
  EXPECT_FALSE(Has(1));
}

TEST_F(EtcdCatalogSyncTest, DoesNotWaitForWhatLeavesNoTrace) {
  PutDatabase(1, "default");
  StartCatalog();
  etcd_.PutElsewhere();
  EXPECT_EQ(Sync(), StatusCode::kOk);
  PutDatabase(2, "two");
  etcd_.Delete(DatabaseKey(2));
  EXPECT_EQ(Sync(), StatusCode::kOk) << "the same state, whether the two were delivered or not";
  // The same number of keys, yet another state.
  PutDatabase(3, "three");
  etcd_.Delete(DatabaseKey(1));
  EXPECT_EQ(Sync(), StatusCode::kDeadlineExceeded);
  etcd_.Deliver();
  ASSERT_TRUE(Eventually([this] { return Sync() == StatusCode::kOk; }));
  EXPECT_TRUE(Has(3));
  EXPECT_FALSE(Has(1));
}

TEST_F(EtcdCatalogSyncTest, SaysWhyItIsBehindAndEndsByStop) {
  PutDatabase(1, "default");
  StartCatalog();
  PutDatabase(2, "two");
  etcd_.Break(UnavailableError("broken pipe"), 1'000'000);
  ASSERT_TRUE(Eventually([this] { return etcd_.opens() > 3; }));
  const Status behind = catalog_->Sync(kNoStop).status();
  EXPECT_EQ(behind.code(), StatusCode::kDeadlineExceeded);
  EXPECT_THAT(behind.message(), HasSubstr("refused"));
  EXPECT_EQ(catalog_->health().status.code(), StatusCode::kUnavailable);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(catalog_->Sync(stop.get_token()).status().code(), StatusCode::kCancelled);

  etcd_.Break(OkStatus(), 0);
  etcd_.Deliver();
  ASSERT_TRUE(Eventually([this] { return Sync() == StatusCode::kOk; }));
  EXPECT_TRUE(catalog_->health().status.ok());
}

TEST_F(EtcdCatalogSyncTest, ListsAgainAfterACompaction) {
  PutDatabase(1, "default");
  StartCatalog();
  PutDatabase(2, "two");
  etcd_.Forget();
  etcd_.Break(OutOfRangeError("compacted"));
  ASSERT_TRUE(Eventually([this] { return catalog_->health().lists == 2; }));
  EXPECT_TRUE(Eventually([this] { return Has(2); }));
  EXPECT_EQ(Sync(), StatusCode::kOk);
}

}  // namespace
}  // namespace cdc
