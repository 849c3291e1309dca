// Reading at one revision from a real etcd.

#include <functional>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "etcd/testing/etcd_process.h"
#include "milvus_meta.pb.h"
#include "source/snapshot/segment_catalog.h"

namespace cdc {
namespace {

const std::stop_token kNoStop;
const std::string kRoot = "by-dev/meta/";

// Writes a change between the first and the second call.
class ChangingEtcd final : public EtcdClient {
 public:
  ChangingEtcd(EtcdClient* etcd, std::function<void()> change)
      : etcd_(etcd), change_(std::move(change)) {}

  Result<EtcdRange> Range(const KeyRange& range,
                          const RangeOptions& options,
                          const std::stop_token& stop) override {
    Result<EtcdRange> found = etcd_->Range(range, options, stop);
    if (calls_++ == 0) {
      change_();
    }
    return found;
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

 private:
  EtcdClient* const etcd_;
  const std::function<void()> change_;
  int calls_ = 0;
};

class SegmentCatalogEtcdTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!HasEtcdBinary()) {
      GTEST_SKIP() << "NOT TESTED: the etcd binary is not installed";
    }
    auto started = EtcdProcess::Start();
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    etcd_ = *std::move(started);
    auto client = NewEtcdClient({.endpoints = {etcd_->endpoint()}, .page_keys = 2});
    ASSERT_TRUE(client.ok()) << client.status().ToString();
    client_ = *std::move(client);
    collection_.id = CollectionId{1};
    collection_.vchannels = {"v0"};
  }

  int64_t PutCheckpoint(uint64_t time) {
    meta::MsgPosition position;
    position.set_msgid("m");
    position.set_timestamp(time);
    return etcd_->Put(kRoot + "datacoord-meta/channel-cp/v0", position.SerializeAsString());
  }

  int64_t PutSegment(int64_t collection, int64_t id) {
    meta::SegmentInfo info;
    info.set_id(id);
    info.set_collectionid(collection);
    info.set_insert_channel("v0");
    return etcd_->Put(
        kRoot + "datacoord-meta/s/" + std::to_string(collection) + "/2/" + std::to_string(id),
        info.SerializeAsString());
  }

  std::unique_ptr<EtcdProcess> etcd_;
  std::unique_ptr<EtcdClient> client_;
  Collection collection_;
};

TEST_F(SegmentCatalogEtcdTest, ReadsEverythingAtOneRevision) {
  for (const int64_t id : {3, 4, 5}) {
    PutSegment(1, id);
  }
  PutSegment(10, 6);  // its key begins like those of collection 1
  const int64_t revision = PutCheckpoint(50);
  ChangingEtcd changing(client_.get(), [this] {
    PutSegment(1, 7);
    PutCheckpoint(60);
  });
  const auto catalog = ReadSegmentCatalog(changing, kRoot, collection_, kNoStop);
  ASSERT_TRUE(catalog.ok()) << catalog.status().ToString();
  EXPECT_EQ(catalog->revision, revision);
  EXPECT_EQ(catalog->segments.size(), 3U);
  EXPECT_EQ(catalog->checkpoints.at("v0").time, Timestamp{50});
}

TEST_F(SegmentCatalogEtcdTest, StartsAgainIfTheRevisionIsCompacted) {
  PutCheckpoint(50);
  ChangingEtcd changing(client_.get(), [this] {
    const int64_t revision = PutCheckpoint(60);
    EXPECT_TRUE(etcd_->Compact(revision).ok());
  });
  const auto catalog = ReadSegmentCatalog(changing, kRoot, collection_, kNoStop);
  ASSERT_TRUE(catalog.ok()) << catalog.status().ToString();
  EXPECT_EQ(catalog->checkpoints.at("v0").time, Timestamp{60});
}

}  // namespace
}  // namespace cdc
