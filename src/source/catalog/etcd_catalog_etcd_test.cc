// The catalog against a real etcd, into which the test writes what Milvus would.

#include <atomic>
#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/testing/eventually.h"
#include "base/testing/free_port.h"
#include "base/thread.h"
#include "etcd/testing/etcd_process.h"
#include "milvus_meta.pb.h"
#include "source/catalog/etcd_catalog.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::SizeIs;

const std::stop_token kNoStop;
constexpr const char* kTombstone = "\xE2\x9B\xBC";

class EtcdCatalogTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!HasEtcdBinary()) {
      GTEST_SKIP() << "NOT TESTED: the etcd binary is not installed";
    }
    auto started = EtcdProcess::Start();
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    etcd_ = *std::move(started);
  }

  EtcdCatalogOptions Options() const {
    EtcdCatalogOptions options;
    options.etcd.endpoints = {etcd_->endpoint()};
    options.reconnect = {.initial = milliseconds(10), .max = milliseconds(50)};
    return options;
  }

  void StartCatalog(const EtcdCatalogOptions& options) {
    auto catalog = StartEtcdCatalog(options);
    ASSERT_TRUE(catalog.ok()) << catalog.status().ToString();
    catalog_ = *std::move(catalog);
  }

  static std::string Key(const std::string& key) { return "by-dev/meta/" + key; }

  // Milvus removes a database like this: the key stays, with a tombstone.
  int64_t DropDatabase(int64_t id) {
    return etcd_->Put(Key("root-coord/database/db-info/" + std::to_string(id)), kTombstone);
  }

  int64_t CreateDatabase(int64_t id, const std::string& name) {
    meta::DatabaseInfo info;
    info.set_id(id);
    info.set_name(name);
    info.set_state(meta::DatabaseCreated);
    return etcd_->Put(Key("root-coord/database/db-info/" + std::to_string(id)),
                      info.SerializeAsString());
  }

  int64_t CreateCollection(int64_t id, const std::string& name) {
    meta::CollectionInfo info;
    info.set_id(id);
    info.set_db_id(1);
    info.mutable_schema()->set_name(name);
    meta::FieldSchema field;
    field.set_fieldid(100);
    field.set_name("pk");
    field.set_data_type(5);
    field.set_is_primary_key(true);
    const std::string text = std::to_string(id);
    return etcd_->Txn(
        {{.key = Key("root-coord/fields/" + text + "/100"), .value = field.SerializeAsString()},
         {.key = Key("root-coord/database/collection-info/1/" + text),
          .value = info.SerializeAsString()}});
  }

  int64_t Load(int64_t collection) {
    meta::CollectionLoadInfo info;
    info.set_collectionid(collection);
    info.set_load_type(meta::LoadTypeCollection);
    return etcd_->Put(LoadKey(collection), info.SerializeAsString());
  }
  // An actual delete, not a tombstone.
  int64_t Release(int64_t collection) { return etcd_->Delete(LoadKey(collection)); }
  static std::string LoadKey(int64_t collection) {
    return Key("querycoord-collection-loadinfo/" + std::to_string(collection));
  }

  std::shared_ptr<const Catalog> Synced() {
    auto catalog = catalog_->Sync(kNoStop);
    EXPECT_TRUE(catalog.ok()) << catalog.status().ToString();
    return catalog.ok() ? *catalog : std::make_shared<Catalog>();
  }

  std::unique_ptr<EtcdProcess> etcd_;
  std::unique_ptr<EtcdCatalog> catalog_;
};

TEST_F(EtcdCatalogTest, ListsFollowsAndNotifies) {
  CreateDatabase(1, "default");
  CreateCollection(7, "seven");
  StartCatalog(Options());
  const auto first = catalog_->Current();
  EXPECT_EQ(first->DatabaseName(kDefaultDatabaseId), "default");
  ASSERT_NE(first->Find(CollectionId{7}), nullptr);

  std::atomic<int> calls = 0;
  auto subscription = catalog_->Subscribe([&calls] { ++calls; });
  const int64_t revision = CreateCollection(8, "eight");
  ASSERT_TRUE(Eventually([&] { return catalog_->Current()->revision >= revision; }));
  const auto second = catalog_->Current();
  EXPECT_NE(second->Find(CollectionId{8}), nullptr);
  EXPECT_EQ(second->Find(CollectionId{7}), first->Find(CollectionId{7}));
  EXPECT_TRUE(Eventually([&] { return calls == 1; }));
  subscription.reset();
  Load(8);
  EXPECT_TRUE(Synced()->Find(CollectionId{8})->load.loaded);
  EXPECT_EQ(calls, 1);
  EXPECT_TRUE(catalog_->health().status.ok());
  EXPECT_EQ(catalog_->health().lists, 1U);
}

TEST_F(EtcdCatalogTest, SyncHoldsEverythingCommittedBefore) {
  CreateDatabase(1, "default");
  StartCatalog(Options());
  // First nothing at all; then only changes outside the catalog, which no event will announce.
  EXPECT_THAT(Synced()->collections, SizeIs(0));
  etcd_->Put("by-dev/kv/gid/timestamp", "1");
  etcd_->Put(Key("datacoord-meta/channel-cp/x"), "1");
  EXPECT_THAT(Synced()->collections, SizeIs(0));

  for (int64_t id = 10; id < 40; ++id) {
    CreateCollection(id, "c" + std::to_string(id));
    Load(id);
    etcd_->Put("by-dev/kv/gid/timestamp", "1");
    const auto loaded = Synced();
    ASSERT_NE(loaded->Find(CollectionId{id}), nullptr);
    ASSERT_TRUE(loaded->Find(CollectionId{id})->load.loaded);
    Release(id);
    etcd_->Put("by-dev/kv/gid/timestamp", "1");
    ASSERT_FALSE(Synced()->Find(CollectionId{id})->load.loaded);
    // Created and removed without a trace.
    Load(1'000'000);
    Release(1'000'000);
    Synced();
  }
  EXPECT_EQ(catalog_->health().lists, 1U);
}

TEST_F(EtcdCatalogTest, PresentIsTheEndOfTheTimesThatTheSourceMayHaveGiven) {
  CreateDatabase(1, "default");
  StartCatalog(Options());
  EXPECT_EQ(catalog_->Present(kNoStop).status().code(), StatusCode::kNotFound);
  // 1'700'000'000'000'999'999 ns.
  etcd_->Put("by-dev/kv/gid/timestamp", std::string("\x17\x97\x9c\xfe\x36\x39\x42\x3f", 8));
  const auto present = catalog_->Present(kNoStop);
  ASSERT_TRUE(present.ok()) << present.status().ToString();
  EXPECT_EQ(*present, Timestamp::FromUnixMs(1'700'000'000'001));
  etcd_->Put("by-dev/kv/gid/timestamp", "1234");
  EXPECT_EQ(catalog_->Present(kNoStop).status().code(), StatusCode::kDataLoss);
}

TEST_F(EtcdCatalogTest, SyncWorksWhileTheSourceIsBusy) {
  CreateDatabase(1, "default");
  StartCatalog(Options());
  std::atomic<int64_t> newest = 0;
  auto subscription = catalog_->Subscribe([] {});
  Thread writer("writer", [&](const std::stop_token& stop) {
    for (int64_t id = 100; id < 500 && !stop.stop_requested(); ++id) {
      CreateCollection(id, "c" + std::to_string(id));
      newest = id;
    }
  });
  ASSERT_TRUE(Eventually([&] { return newest >= 100; }));
  for (int i = 0; i < 30; ++i) {
    const int64_t committed = newest;
    ASSERT_NE(Synced()->Find(CollectionId{committed}), nullptr) << committed;
  }
  writer.RequestStop();
  writer.Join();
  ASSERT_NE(Synced()->Find(CollectionId{newest}), nullptr);
}

TEST_F(EtcdCatalogTest, SyncEndsByStopAndByItsTimeout) {
  CreateDatabase(1, "default");
  EtcdCatalogOptions options = Options();
  options.etcd.call_timeout = milliseconds(300);
  StartCatalog(options);
  etcd_->Kill();
  const auto status = catalog_->Sync(kNoStop).status();
  EXPECT_TRUE(IsRetryable(status)) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr(etcd_->endpoint()));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(catalog_->Sync(stop.get_token()).status().code(), StatusCode::kCancelled);
  // Stops while it retries.
  const auto begin = std::chrono::steady_clock::now();
  catalog_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kSoon);
}

TEST_F(EtcdCatalogTest, GoesOnAfterEtcdWasKilledAndRestarted) {
  CreateDatabase(1, "default");
  CreateCollection(7, "seven");
  StartCatalog(Options());
  const auto before = catalog_->Current();
  etcd_->Kill();
  ASSERT_TRUE(Eventually([&] { return !catalog_->health().status.ok(); }));
  const EtcdCatalogHealth lost = catalog_->health();
  EXPECT_EQ(lost.status.code(), StatusCode::kUnavailable) << lost.status.ToString();
  EXPECT_EQ(catalog_->Current()->Find(CollectionId{7}), before->Find(CollectionId{7}));

  // Changes that the catalog cannot see.
  ASSERT_TRUE(etcd_->Restart({.elsewhere = true}).ok());
  CreateCollection(8, "eight");
  DropDatabase(1);
  ASSERT_TRUE(etcd_->Restart().ok());
  CreateCollection(9, "nine");
  const auto after = Synced();
  EXPECT_NE(after->Find(CollectionId{8}), nullptr);
  EXPECT_NE(after->Find(CollectionId{9}), nullptr);
  EXPECT_EQ(after->Find(CollectionId{7}), before->Find(CollectionId{7}));
  EXPECT_THAT(after->databases, SizeIs(0));
  EXPECT_TRUE(catalog_->health().status.ok()) << catalog_->health().status.ToString();
  EXPECT_EQ(catalog_->health().lists, 1U) << "went on from its revision";
}

TEST_F(EtcdCatalogTest, ListsAgainWhenItsRevisionsWereCompacted) {
  CreateDatabase(1, "default");
  CreateCollection(7, "seven");
  CreateCollection(8, "eight");
  Load(7);
  StartCatalog(Options());
  const auto before = catalog_->Current();
  ASSERT_TRUE(before->Find(CollectionId{7})->load.loaded);

  ASSERT_TRUE(etcd_->Restart({.elsewhere = true}).ok());
  Release(7);
  CreateCollection(9, "nine");
  ASSERT_TRUE(etcd_->Compact(CreateCollection(10, "ten")).ok());
  ASSERT_TRUE(etcd_->Restart().ok());
  const auto after = Synced();
  EXPECT_EQ(catalog_->health().lists, 2U);
  EXPECT_FALSE(after->Find(CollectionId{7})->load.loaded) << "deleted in the gap";
  EXPECT_EQ(after->Find(CollectionId{8}), before->Find(CollectionId{8})) << "the pointer too";
  EXPECT_NE(after->Find(CollectionId{9}), nullptr);
  // And it follows again.
  CreateCollection(11, "eleven");
  EXPECT_NE(Synced()->Find(CollectionId{11}), nullptr);
  EXPECT_EQ(catalog_->health().lists, 2U);
}

TEST_F(EtcdCatalogTest, ListsAgainWhenTheStoreIsAnother) {
  CreateDatabase(1, "default");
  CreateCollection(7, "seven");
  for (int64_t id = 20; id < 30; ++id) {
    CreateCollection(id, "c" + std::to_string(id));
  }
  StartCatalog(Options());
  ASSERT_TRUE(etcd_->Restart({.wipe = true, .elsewhere = true}).ok());
  CreateDatabase(1, "default");
  CreateCollection(8, "eight");
  ASSERT_TRUE(etcd_->Restart().ok());
  ASSERT_TRUE(Eventually([&] { return catalog_->health().lists == 2; }));
  const auto after = Synced();
  EXPECT_THAT(after->collections, SizeIs(1));
  EXPECT_NE(after->Find(CollectionId{8}), nullptr);
}

TEST_F(EtcdCatalogTest, IgnoresWhatItCannotUnderstand) {
  CreateDatabase(1, "default");
  CreateCollection(7, "seven");
  StartCatalog(Options());
  const auto before = catalog_->Current();
  etcd_->Put(Key("root-coord/database/collection-info/1/7"), "\xff\xff");
  EXPECT_EQ(Synced()->Find(CollectionId{7}), before->Find(CollectionId{7}));
  CreateCollection(8, "eight");
  EXPECT_NE(Synced()->Find(CollectionId{8}), nullptr);
}

TEST_F(EtcdCatalogTest, AWrongRootPathNamesThePlaceAndTheRoots) {
  CreateDatabase(1, "default");
  etcd_->Put(Key("snapshots/root-coord/database/db-info/1_ts1"), "x");
  etcd_->Put("by-dev/kv/gid/timestamp", "1");
  etcd_->Put("prod/milvus/meta/root-coord/database/db-info/1", "x");
  for (int i = 0; i < 300; ++i) {
    etcd_->Put("by-dev/meta/datacoord-meta/s/" + std::to_string(i), "x");
  }
  etcd_->Put("somebody's key", "x");
  EtcdCatalogOptions options = Options();
  options.root_path = "by-dst";
  const auto status = StartEtcdCatalog(options).status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr("below by-dst/meta/root-coord/"));
  EXPECT_THAT(status.message(), HasSubstr(": by-dev/meta, prod/milvus/meta"));
}

TEST_F(EtcdCatalogTest, AnEmptyEtcdHasNoRoots) {
  const auto status = StartEtcdCatalog(Options()).status();
  EXPECT_EQ(status.code(), StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr(": none"));
}

TEST_F(EtcdCatalogTest, AnUnreachableEtcdIsAnErrorWithinTheConnectTimeout) {
  // Accepts connections (in the kernel) and never answers.
  const int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(listen(silent, 1), 0);
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  ASSERT_EQ(getsockname(silent, reinterpret_cast<sockaddr*>(&address), &size), 0);
  const auto* bytes = reinterpret_cast<const unsigned char*>(&address);
  const std::string silent_endpoint = "127.0.0.1:" + std::to_string(bytes[2] * 256 + bytes[3]);
  for (const std::string& endpoint : {"127.0.0.1:" + std::to_string(FreePort()), silent_endpoint}) {
    EtcdCatalogOptions options = Options();
    options.etcd.endpoints = {endpoint};
    options.connect_timeout = milliseconds(700);
    const auto begin = std::chrono::steady_clock::now();
    const auto status = StartEtcdCatalog(options).status();
    EXPECT_EQ(status.code(), StatusCode::kUnavailable) << status.ToString();
    EXPECT_THAT(status.message(), HasSubstr(endpoint));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, kSoon);
  }
  close(silent);
}

TEST_F(EtcdCatalogTest, OneLivingEndpointIsEnough) {
  CreateDatabase(1, "default");
  EtcdCatalogOptions options = Options();
  options.etcd.endpoints = {"127.0.0.1:" + std::to_string(FreePort()), etcd_->endpoint()};
  StartCatalog(options);
  CreateCollection(7, "seven");
  EXPECT_NE(Synced()->Find(CollectionId{7}), nullptr);
  ASSERT_TRUE(etcd_->Restart().ok());
  CreateCollection(8, "eight");
  EXPECT_NE(Synced()->Find(CollectionId{8}), nullptr);
}

TEST_F(EtcdCatalogTest, WorksWithUserAndPasswordAlsoAfterARestart) {
  CreateDatabase(1, "default");
  ASSERT_TRUE(etcd_->EnableAuth("root", "secret").ok());
  EtcdCatalogOptions options = Options();
  EXPECT_EQ(StartEtcdCatalog(options).status().code(), StatusCode::kUnauthenticated);
  options.etcd.user = "root";
  options.etcd.password = "wrong";
  const auto wrong = StartEtcdCatalog(options).status();
  EXPECT_EQ(wrong.code(), StatusCode::kUnauthenticated) << wrong.ToString();
  options.etcd.password = "secret";
  StartCatalog(options);
  CreateCollection(7, "seven");
  EXPECT_NE(Synced()->Find(CollectionId{7}), nullptr);
  ASSERT_TRUE(etcd_->Restart().ok());
  CreateCollection(8, "eight");
  EXPECT_NE(Synced()->Find(CollectionId{8}), nullptr);
}

}  // namespace
}  // namespace cdc
