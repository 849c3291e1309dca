// EtcdClient and EtcdWatch against a real etcd.

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/eventually.h"
#include "base/testing/free_port.h"
#include "base/thread.h"
#include "etcd/etcd_client.h"
#include "etcd/testing/etcd_process.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

const std::stop_token kNoStop;

class EtcdClientTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!HasEtcdBinary()) {
      GTEST_SKIP() << "NOT TESTED: the etcd binary is not installed";
    }
  }

  void StartEtcd(EtcdProcessOptions options = {}) {
    auto started = EtcdProcess::Start(std::move(options));
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    etcd_ = *std::move(started);
  }

  std::unique_ptr<EtcdClient> Connect(EtcdOptions options = {}) {
    if (options.endpoints.empty()) {
      options.endpoints = {etcd_->endpoint()};
    }
    auto client = NewEtcdClient(options);
    CDC_CHECK(client.ok());
    return *std::move(client);
  }

  // Reads batches until one holds events.
  static WatchBatch NextEvents(EtcdWatch& watch) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < deadline) {
      auto batch = watch.Next(seconds(5), kNoStop);
      EXPECT_TRUE(batch.ok()) << batch.status().ToString();
      if (!batch.ok()) {
        break;
      }
      if (!batch->events.empty()) {
        return *std::move(batch);
      }
    }
    ADD_FAILURE() << "no events";
    return {};
  }

  // Reads until the watch fails.
  static Status NextError(EtcdWatch& watch) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (std::chrono::steady_clock::now() < deadline) {
      auto batch = watch.Next(seconds(5), kNoStop);
      if (!batch.ok()) {
        return batch.status();
      }
    }
    return OkStatus();
  }

  static std::vector<std::string> Keys(const EtcdRange& range) {
    std::vector<std::string> keys;
    for (const EtcdKeyValue& kv : range.kvs) {
      keys.push_back(kv.key);
    }
    return keys;
  }

  std::unique_ptr<EtcdProcess> etcd_;
};

TEST_F(EtcdClientTest, RangeReadsAllPagesAtOneRevision) {
  StartEtcd();
  for (int i = 0; i < 7; ++i) {
    etcd_->Put("a/" + std::to_string(i), "v" + std::to_string(i));
  }
  const int64_t before = etcd_->Put("b", "x");
  auto client = Connect({.page_keys = 3});

  auto range = client->Range(PrefixRange("a/"), {}, kNoStop);
  ASSERT_TRUE(range.ok()) << range.status().ToString();
  EXPECT_EQ(range->revision, before);
  ASSERT_EQ(range->kvs.size(), 7U);
  EXPECT_EQ(range->kvs[6].key, "a/6");
  EXPECT_EQ(range->kvs[6].value, "v6");
  EXPECT_EQ(range->kvs[6].mod_revision, before - 1);

  etcd_->Delete("a/3");
  etcd_->Put("a/0", "new");
  auto old = client->Range(PrefixRange("a/"), {.revision = before}, kNoStop);
  ASSERT_TRUE(old.ok());
  EXPECT_EQ(old->kvs.size(), 7U);
  EXPECT_EQ(old->kvs[0].value, "v0");
  EXPECT_EQ(old->revision, before);

  auto some = client->Range(PrefixRange("a/"), {.limit = 4, .keys_only = true}, kNoStop);
  ASSERT_TRUE(some.ok());
  EXPECT_THAT(Keys(*some), ElementsAre("a/0", "a/1", "a/2", "a/4"));
  EXPECT_EQ(some->kvs[0].value, "");
  EXPECT_EQ(client->Range(PrefixRange("none/"), {}, kNoStop)->kvs.size(), 0U);
  EXPECT_THAT(Keys(*client->Range({.begin = "b", .end = ""}, {}, kNoStop)), ElementsAre("b"));
  EXPECT_EQ(client->Range(PrefixRange(""), {}, kNoStop)->kvs.size(), 7U);
}

TEST_F(EtcdClientTest, RangeAtACompactedRevisionIsOutOfRange) {
  StartEtcd();
  const int64_t old = etcd_->Put("a", "1");
  ASSERT_TRUE(etcd_->Compact(etcd_->Put("a", "2")).ok());
  auto range = Connect()->Range(PrefixRange("a"), {.revision = old}, kNoStop);
  EXPECT_EQ(range.status().code(), StatusCode::kOutOfRange) << range.status().ToString();
}

TEST_F(EtcdClientTest, SummarizeCountsAndFindsTheNewest) {
  StartEtcd();
  etcd_->Put("a/1", "");
  const int64_t newest = etcd_->Put("b/1", "");
  const int64_t last = etcd_->Put("c/1", "");
  auto client = Connect();
  auto summary = client->Summarize({PrefixRange("a/"), PrefixRange("b/")}, kNoStop);
  ASSERT_TRUE(summary.ok()) << summary.status().ToString();
  EXPECT_EQ(summary->keys, 2);
  EXPECT_EQ(summary->newest_mod_revision, newest);
  EXPECT_EQ(summary->revision, last);
  summary = client->Summarize({PrefixRange("none/")}, kNoStop);
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(summary->keys, 0);
  EXPECT_EQ(summary->newest_mod_revision, 0);
}

TEST_F(EtcdClientTest, StatusTellsTheVersion) {
  StartEtcd();
  auto status = Connect()->GetStatus(kNoStop);
  ASSERT_TRUE(status.ok()) << status.status().ToString();
  EXPECT_THAT(status->version, HasSubstr("."));
  EXPECT_GE(status->revision, 1);
}

TEST_F(EtcdClientTest, WatchDeliversTransactionsWholeAndInOrder) {
  StartEtcd();
  auto client = Connect();
  const int64_t first = etcd_->Put("k/a", "1");
  etcd_->Put("other", "");
  const int64_t last = etcd_->Txn({{.key = "k/a", .value = "", .deleted = true},
                                   {.key = "k/b", .value = "2"},
                                   {.key = "k/c", .value = "3"}});
  // The store is ahead of the range: the revision of what was delivered counts.
  etcd_->Put("other", "");
  auto watch = client->Watch(PrefixRange("k/"), first, kNoStop);
  ASSERT_TRUE(watch.ok()) << watch.status().ToString();
  EXPECT_GE((*watch)->StoreRevision(), last);

  std::vector<EtcdEvent> events;
  int64_t revision = 0;
  while (events.size() < 4) {
    WatchBatch batch = NextEvents(**watch);
    ASSERT_FALSE(batch.events.empty());
    revision = batch.revision;
    events.insert(events.end(), batch.events.begin(), batch.events.end());
  }
  EXPECT_EQ(revision, last);
  ASSERT_EQ(events.size(), 4U);
  EXPECT_EQ(events[0].kv.value, "1");
  EXPECT_EQ(events[1].kv.key, "k/a");
  EXPECT_TRUE(events[1].deleted);
  EXPECT_EQ(events[1].kv.mod_revision, last);
  EXPECT_EQ(events[3].kv.value, "3");

  // Later changes arrive in one batch per transaction.
  const int64_t next = etcd_->Txn({{.key = "k/x", .value = "1"}, {.key = "k/y", .value = "2"}});
  const WatchBatch batch = NextEvents(**watch);
  EXPECT_EQ(batch.events.size(), 2U);
  EXPECT_EQ(batch.revision, next);
}

TEST_F(EtcdClientTest, WatchJoinsTheFragmentsOfALargeTransaction) {
  StartEtcd({.arguments = {"--max-request-bytes=16000000", "--max-txn-ops=1000"}});
  auto client = Connect();
  auto watch = client->Watch(PrefixRange("k/"), 0, kNoStop);
  ASSERT_TRUE(watch.ok()) << watch.status().ToString();
  // Only above 18 MB (the request limit of 16 MB and half a MB, as etcd counts) would one be split;
  // in practice it is small transactions arriving together that are split.
  std::vector<EtcdProcess::Change> changes;
  for (int i = 0; i < 100; ++i) {
    changes.push_back({.key = "k/" + std::to_string(i), .value = std::string(100'000, 'x')});
  }
  const int64_t first = etcd_->Txn(changes);
  const int64_t second = etcd_->Txn(changes);
  const int64_t third = etcd_->Txn(changes);
  ASSERT_EQ(NextEvents(**watch).revision, first);
  ASSERT_EQ(NextEvents(**watch).revision, second);
  // A watcher that catches up gets all three in one response.
  auto again = client->Watch(PrefixRange("k/"), first, kNoStop);
  ASSERT_TRUE(again.ok());
  size_t events = 0;
  int64_t revision = 0;
  while (revision < third) {
    const WatchBatch batch = NextEvents(**again);
    ASSERT_FALSE(batch.events.empty());
    EXPECT_EQ(batch.events.size() % 100, 0U) << "a transaction was torn";
    events += batch.events.size();
    revision = batch.revision;
  }
  EXPECT_EQ(events, 300U);
}

TEST_F(EtcdClientTest, ProgressMovesTheRevisionOfAnIdleWatch) {
  StartEtcd({.arguments = {"--experimental-watch-progress-notify-interval=100ms"}});
  auto client = Connect();
  auto watch = client->Watch(PrefixRange("k/"), 0, kNoStop);
  ASSERT_TRUE(watch.ok());
  const int64_t target = etcd_->Put("other", "1");
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  int64_t revision = 0;
  while (revision < target && std::chrono::steady_clock::now() < deadline) {
    auto batch = (*watch)->Next(seconds(1), kNoStop);
    ASSERT_TRUE(batch.ok()) << batch.status().ToString();
    EXPECT_TRUE(batch->events.empty());
    revision = batch->revision;
  }
  EXPECT_GE(revision, target);
}

TEST_F(EtcdClientTest, NextReturnsAtItsTimeoutAndWhenStopped) {
  StartEtcd();
  auto client = Connect();
  const int64_t revision = etcd_->Put("other", "");
  auto watch = client->Watch(PrefixRange("k/"), 0, kNoStop);
  ASSERT_TRUE(watch.ok());
  auto batch = (*watch)->Next(milliseconds(1), kNoStop);
  ASSERT_TRUE(batch.ok());
  EXPECT_TRUE(batch->events.empty());
  EXPECT_EQ(batch->revision, revision);

  std::stop_source stop;
  Status status;
  Thread waiting("waiting", [&](const std::stop_token&) {
    status = (*watch)->Next(seconds(60), stop.get_token()).status();
  });
  const auto begin = std::chrono::steady_clock::now();
  stop.request_stop();
  waiting.Join();
  EXPECT_EQ(status.code(), StatusCode::kCancelled) << status.ToString();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kSoon);
}

TEST_F(EtcdClientTest, WatchBelowACompactionIsOutOfRange) {
  StartEtcd();
  const int64_t old = etcd_->Put("k", "1");
  const int64_t compacted = etcd_->Put("k", "2");
  ASSERT_TRUE(etcd_->Compact(compacted).ok());
  auto watch = Connect()->Watch(PrefixRange("k"), old, kNoStop);
  const Status status = watch.ok() ? NextError(**watch) : watch.status();
  EXPECT_EQ(status.code(), StatusCode::kOutOfRange) << status.ToString();
  EXPECT_THAT(status.message(), HasSubstr(std::to_string(old) + " < " + std::to_string(compacted)));
}

TEST_F(EtcdClientTest, ABrokenStreamIsUnavailableAndTheNextOneResumes) {
  StartEtcd();
  auto client = Connect();
  auto watch = client->Watch(PrefixRange("k/"), 0, kNoStop);
  ASSERT_TRUE(watch.ok());
  const int64_t seen = etcd_->Put("k/1", "1");
  EXPECT_EQ(NextEvents(**watch).revision, seen);

  etcd_->Kill();
  const Status broken = NextError(**watch);
  EXPECT_EQ(broken.code(), StatusCode::kUnavailable) << broken.ToString();
  EXPECT_EQ((*watch)->Next(seconds(1), kNoStop).status(), broken);
  EXPECT_EQ(client->Range(PrefixRange("k/"), {}, kNoStop).status().code(),
            StatusCode::kUnavailable);

  ASSERT_TRUE(etcd_->Restart().ok());
  const int64_t next = etcd_->Put("k/2", "2");
  auto resumed = client->Watch(PrefixRange("k/"), seen + 1, kNoStop);
  ASSERT_TRUE(resumed.ok()) << resumed.status().ToString();
  const WatchBatch batch = NextEvents(**resumed);
  EXPECT_EQ(batch.revision, next);
  EXPECT_EQ(batch.events.at(0).kv.key, "k/2");
}

TEST_F(EtcdClientTest, OneLivingEndpointIsEnough) {
  StartEtcd();
  etcd_->Put("k", "v");
  const std::string dead = "http://127.0.0.1:" + std::to_string(FreePort());
  auto client = Connect({.endpoints = {dead, etcd_->endpoint()}});
  auto range = client->Range(PrefixRange("k"), {}, kNoStop);
  ASSERT_TRUE(range.ok()) << range.status().ToString();
  EXPECT_EQ(range->kvs.size(), 1U);
  EXPECT_TRUE(client->Watch(PrefixRange("k"), 0, kNoStop).ok());
  EXPECT_TRUE(client->GetStatus(kNoStop).ok());
}

TEST_F(EtcdClientTest, NoLivingEndpointIsUnavailableAndNamesThem) {
  const std::string dead = "http://127.0.0.1:" + std::to_string(FreePort());
  const std::string other = "http://127.0.0.1:" + std::to_string(FreePort());
  auto client = Connect({.endpoints = {dead, other}});
  const auto begin = std::chrono::steady_clock::now();
  const Status status = client->GetStatus(kNoStop).status();
  EXPECT_EQ(status.code(), StatusCode::kUnavailable);
  EXPECT_THAT(status.message(), HasSubstr(dead));
  EXPECT_THAT(status.message(), HasSubstr(other));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kSoon);
}

TEST_F(EtcdClientTest, LogsInAndAgainWhenTheTokenIsGone) {
  StartEtcd();
  etcd_->Put("k", "v");
  ASSERT_TRUE(etcd_->EnableAuth("root", "secret").ok());
  auto client = Connect({.user = "root", .password = "secret"});
  ASSERT_TRUE(client->Range(PrefixRange("k"), {}, kNoStop).ok());
  auto watch = client->Watch(PrefixRange("k"), 0, kNoStop);
  ASSERT_TRUE(watch.ok()) << watch.status().ToString();

  // A restarted etcd has lost its tokens.
  ASSERT_TRUE(etcd_->Restart().ok());
  auto range = client->Range(PrefixRange("k"), {}, kNoStop);
  ASSERT_TRUE(range.ok()) << range.status().ToString();
  EXPECT_EQ(range->kvs.size(), 1U);
  ASSERT_TRUE(etcd_->Restart().ok());
  watch = client->Watch(PrefixRange("k"), 0, kNoStop);
  ASSERT_TRUE(watch.ok()) << watch.status().ToString();
  const int64_t put = etcd_->Put("k", "w");
  EXPECT_EQ(NextEvents(**watch).revision, put);
}

TEST_F(EtcdClientTest, BadCredentialsAreUnauthenticated) {
  StartEtcd();
  ASSERT_TRUE(etcd_->EnableAuth("root", "secret").ok());
  const Status wrong =
      Connect({.user = "root", .password = "guess"})->Range(PrefixRange("k"), {}, kNoStop).status();
  EXPECT_EQ(wrong.code(), StatusCode::kUnauthenticated) << wrong.ToString();
  EXPECT_THAT(wrong.message(), Not(HasSubstr("guess")));
  const Status missing = Connect()->Range(PrefixRange("k"), {}, kNoStop).status();
  EXPECT_EQ(missing.code(), StatusCode::kUnauthenticated) << missing.ToString();
  auto watch = Connect()->Watch(PrefixRange("k"), 0, kNoStop);
  const Status watching = watch.ok() ? NextError(**watch) : watch.status();
  EXPECT_FALSE(watching.ok());
}

TEST_F(EtcdClientTest, AUserIsIgnoredByAnEtcdWithoutAuthentication) {
  StartEtcd();
  auto client = Connect({.user = "root", .password = "secret"});
  EXPECT_TRUE(client->Range(PrefixRange("k"), {}, kNoStop).ok());
  // Turned on later: the client logs in by itself.
  ASSERT_TRUE(etcd_->EnableAuth("root", "secret").ok());
  const auto range = client->Range(PrefixRange("k"), {}, kNoStop);
  EXPECT_TRUE(range.ok()) << range.status().ToString();
}

TEST_F(EtcdClientTest, ReachesAnEtcdThatDemandsClientCertificates) {
  const std::string folder = testing::TempDir() + "cdc_tls_" + std::to_string(FreePort());
  std::filesystem::create_directories(folder);
  const std::string cert = folder + "/cert.pem";
  const std::string key = folder + "/key.pem";
  const std::string command =
      "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 "
      "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout " +
      key + " -out " + cert + " 2>/dev/null";
  if (std::system(command.c_str()) != 0) {
    GTEST_SKIP() << "NOT TESTED: the openssl program is not installed";
  }
  StartEtcd({.ca_file = cert, .cert_file = cert, .key_file = key});
  etcd_->Put("k", "v");
  const EtcdOptions good{
      .endpoints = {etcd_->endpoint()}, .ca_file = cert, .cert_file = cert, .key_file = key};
  auto range = Connect(good)->Range(PrefixRange("k"), {}, kNoStop);
  ASSERT_TRUE(range.ok()) << range.status().ToString();
  EXPECT_EQ(range->kvs.size(), 1U);

  EtcdOptions untrusted = good;
  untrusted.ca_file.clear();
  EXPECT_EQ(Connect(untrusted)->GetStatus(kNoStop).status().code(), StatusCode::kUnavailable);
  EtcdOptions anonymous = good;
  anonymous.cert_file.clear();
  anonymous.key_file.clear();
  EXPECT_EQ(Connect(anonymous)->GetStatus(kNoStop).status().code(), StatusCode::kUnavailable);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace cdc
