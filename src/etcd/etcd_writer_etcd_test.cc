// EtcdWriter against a real etcd.

#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/eventually.h"
#include "etcd/etcd_writer.h"
#include "etcd/testing/etcd_process.h"

namespace cdc {
namespace {

using std::chrono::seconds;

class EtcdWriterTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!HasEtcdBinary()) {
      GTEST_SKIP() << "NOT TESTED: the etcd binary is not installed";
    }
    auto started = EtcdProcess::Start();
    ASSERT_TRUE(started.ok()) << started.status().ToString();
    etcd_ = *std::move(started);
    writer_ = Connect();
  }

  std::unique_ptr<EtcdWriter> Connect(EtcdOptions options = {}) {
    options.endpoints = {etcd_->endpoint()};
    auto writer = NewEtcdWriter(options);
    CDC_CHECK(writer.ok());
    return *std::move(writer);
  }

  // Its value; "-" without the key.
  std::string Get(const std::string& key) {
    const auto range = writer_->Range({.begin = key}, {}, {});
    EXPECT_TRUE(range.ok()) << range.status().ToString();
    return range.ok() && !range->kvs.empty() ? range->kvs[0].value : "-";
  }

  std::unique_ptr<EtcdProcess> etcd_;
  std::unique_ptr<EtcdWriter> writer_;
};

TEST_F(EtcdWriterTest, ATransactionChangesAllOrNothing) {
  etcd_->Put("old/1", "a");
  etcd_->Put("old/2", "b");
  EtcdTxn txn{.conditions = {{.key = "guard"}},
              .puts = {{.key = "guard", .value = std::string("\0\xff", 2)}, {.key = "x"}},
              .deletions = {PrefixRange("old/")}};
  const auto first = writer_->Txn(txn, {});
  ASSERT_TRUE(first.ok()) << first.status().ToString();
  EXPECT_TRUE(first->succeeded);
  EXPECT_EQ(Get("guard"), std::string("\0\xff", 2));
  EXPECT_EQ(Get("x"), "");
  EXPECT_EQ(Get("old/1"), "-");
  EXPECT_EQ(Get("old/2"), "-");
  txn.puts[1].value = "again";
  const auto again = writer_->Txn(txn, {});
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_FALSE(again->succeeded);
  EXPECT_EQ(Get("x"), "");
  txn.conditions[0].mod_revision = first->revision;
  EXPECT_TRUE(writer_->Txn(txn, {})->succeeded);
  EXPECT_EQ(Get("x"), "again");
}

TEST_F(EtcdWriterTest, ATransactionOfARangeThatNobodyHasWrittenTo) {
  etcd_->Put("old/1", "a");
  etcd_->Put("old/2", "b");
  const int64_t read_at = writer_->Range(PrefixRange("old/"), {}, {})->revision;
  const auto remove = [&](int64_t revision) {
    return writer_->Txn(
        {.range_conditions = {{PrefixRange("old/"), revision}}, .deletions = {PrefixRange("old/")}},
        {});
  };
  etcd_->Put("older", "c");  // another key
  etcd_->Put("old/3", "d");
  EXPECT_FALSE(remove(read_at)->succeeded);
  EXPECT_EQ(Get("old/1"), "a");
  EXPECT_TRUE(writer_->Txn({.deletions = {{.begin = "old/3"}}}, {})->succeeded);
  etcd_->Put("old/2", "b");
  EXPECT_FALSE(remove(read_at)->succeeded);
  EXPECT_TRUE(remove(writer_->Range(PrefixRange("old/"), {}, {})->revision)->succeeded);
  EXPECT_EQ(Get("old/1"), "-");
  EXPECT_EQ(Get("older"), "c");
  EXPECT_TRUE(remove(read_at)->succeeded) << "there is no key any more";
}

TEST_F(EtcdWriterTest, ATransactionWithCredentials) {
  ASSERT_TRUE(etcd_->EnableAuth("root", "pass").ok());
  const EtcdTxn txn{.puts = {{.key = "a", .value = "1"}}};
  EXPECT_FALSE(writer_->Txn(txn, {}).ok());
  writer_ = Connect({.user = "root", .password = "pass"});
  EXPECT_TRUE(writer_->Txn(txn, {})->succeeded);
  const auto lease = writer_->GrantLease(seconds(60), {});
  ASSERT_TRUE(lease.ok()) << lease.status().ToString();
  EXPECT_TRUE(writer_->KeepLease(lease->id, {}).ok());
}

TEST_F(EtcdWriterTest, KeysStayWhileTheirLeaseIsKept) {
  const auto lease = writer_->GrantLease(seconds(2), {});
  ASSERT_TRUE(lease.ok()) << lease.status().ToString();
  EXPECT_GE(lease->ttl, seconds(2));
  ASSERT_TRUE(
      writer_->Txn({.puts = {{.key = "k", .value = "v", .lease = lease->id}}}, {})->succeeded);
  const auto until = std::chrono::steady_clock::now() + 2 * lease->ttl;
  while (std::chrono::steady_clock::now() < until) {
    const Status kept = writer_->KeepLease(lease->id, {});
    ASSERT_TRUE(kept.ok()) << kept.ToString();
    ASSERT_EQ(Get("k"), "v");
  }
  EXPECT_TRUE(Eventually([this] { return Get("k") == "-"; }));
  EXPECT_TRUE(Eventually([this, &lease] {
    return writer_->KeepLease(lease->id, {}).code() == StatusCode::kNotFound;
  }));
}

TEST_F(EtcdWriterTest, ARevokedLeaseTakesItsKeysWithIt) {
  const auto lease = writer_->GrantLease(seconds(600), {});
  ASSERT_TRUE(lease.ok()) << lease.status().ToString();
  ASSERT_TRUE(writer_->Txn({.puts = {{.key = "k", .lease = lease->id}}}, {})->succeeded);
  EXPECT_TRUE(writer_->RevokeLease(lease->id, {}).ok());
  EXPECT_EQ(Get("k"), "-");
  EXPECT_EQ(writer_->RevokeLease(lease->id, {}).code(), StatusCode::kNotFound);
  EXPECT_EQ(writer_->KeepLease(lease->id, {}).code(), StatusCode::kNotFound);
}

TEST_F(EtcdWriterTest, ADeadServerIsUnavailable) {
  etcd_->Kill();
  for (const Status& status : {writer_->Txn({.puts = {{.key = "a"}}}, {}).status(),
                               writer_->GrantLease(seconds(9), {}).status(),
                               writer_->KeepLease(1, {}), writer_->RevokeLease(1, {})}) {
    EXPECT_EQ(status.code(), StatusCode::kUnavailable) << status.ToString();
  }
}

}  // namespace
}  // namespace cdc
