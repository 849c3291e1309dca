// MysqlRecordStore and MysqlOwner against a real MariaDB.

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/eventually.h"
#include "base/thread.h"
#include "metastore/mysql/mysql_meta_store.h"
#include "metastore/mysql/mysql_record_store.h"
#include "metastore/mysql/mysql_tables.h"
#include "metastore/mysql/testing/mariadb_process.h"

namespace cdc {
namespace {

using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class MysqlRecordStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!HasMariadb()) {
      GTEST_SKIP() << "NOT TESTED: mariadb-server is not installed";
    }
    ASSERT_TRUE(SharedMariadb().ok()) << SharedMariadb().status().ToString();
    mariadb_ = SharedMariadb()->get();
    root_ = ::testing::UnitTest::GetInstance()->current_test_info()->name();
  }

  MysqlResult Run(const std::string& statement) {
    MysqlConnection connection(mariadb_->options());
    EXPECT_TRUE(connection.Open().ok());
    Result<MysqlResult> result = connection.Execute(statement);
    EXPECT_TRUE(result.ok()) << result.status().ToString();
    return result.ok() ? *std::move(result) : MysqlResult{};
  }

  Result<std::unique_ptr<MysqlOwner>> Become(std::function<void(const Status&)> on_lost = {},
                                             const std::stop_token& stop = {}) {
    MysqlConnection connection(mariadb_->options());
    CDC_RETURN_IF_ERROR(mysql_tables::Create(&connection));
    return MysqlOwner::Become({.mysql = mariadb_->options(),
                               .root = root_,
                               .place = "P",
                               .name = "server one",
                               .ttl = seconds(3),
                               .on_lost = std::move(on_lost)},
                              stop);
  }

  std::unique_ptr<MysqlRecordStore> Open(std::function<void(const Status&)> on_lost = {}) {
    auto owner = Become(std::move(on_lost));
    CDC_CHECK(owner.ok());
    return std::make_unique<MysqlRecordStore>(mariadb_->options(), *std::move(owner), root_, "P");
  }

  static std::map<std::string, std::string> ReadAll(MysqlRecordStore& store) {
    const auto records = store.Read("");
    EXPECT_TRUE(records.ok()) << records.status().ToString();
    return records.ok() ? *records : std::map<std::string, std::string>{};
  }

  // As if another server had waited for the end of the lease.
  void TakeOver() {
    Run("UPDATE milvus_cdc_lease SET token = token + 1, holder = 'server two', lease_until = "
        "UTC_TIMESTAMP(6) + INTERVAL 60 SECOND" +
        OfRoot());
    Run("UPDATE milvus_cdc_owner SET token = token + 1" + OfRoot());
  }

  std::string OfRoot() const { return " WHERE root = " + MysqlLiteral(root_); }

  MariadbProcess* mariadb_ = nullptr;
  std::string root_;
};

TEST_F(MysqlRecordStoreTest, ValuesOfAnyBytesAndSize) {
  const auto store = Open();
  std::string large;
  for (int i = 0; i < 5'000'000; ++i) {
    large.push_back(static_cast<char>(i * 7));
  }
  RecordChanges changes{
      .put = {{"a/large", large}, {"a/empty", ""}, {"b", std::string("\0'\\", 3)}}};
  for (int i = 0; i < 3'000; ++i) {
    changes.put["many/" + std::to_string(i)] = std::string(1'000, 'x');
  }
  ASSERT_TRUE(store->Write(changes).ok());
  EXPECT_EQ(ReadAll(*store), changes.put);
  EXPECT_THAT(*store->ReadKeys("a/"), ElementsAre("a/empty", "a/large"));

  // A smaller value leaves no part of the larger one.
  ASSERT_TRUE(
      store->Write({.removed = {"b"}, .removed_below = {"many/"}, .put = {{"a/large", "s"}}}).ok());
  EXPECT_EQ(ReadAll(*store),
            (std::map<std::string, std::string>{{"a/empty", ""}, {"a/large", "s"}}));
}

TEST_F(MysqlRecordStoreTest, AChangeThatFailsIsNotMadeInPart) {
  const auto store = Open();
  ASSERT_TRUE(store->Write({.put = {{"a", "1"}}}).ok());
  const std::string too_long(3'000, 'k');
  const Status failed = store->Write({.removed = {"a"}, .put = {{"b", "2"}, {too_long, "3"}}});
  EXPECT_EQ(failed.code(), StatusCode::kUnavailable);
  EXPECT_EQ(ReadAll(*store), (std::map<std::string, std::string>{{"a", "1"}}));
  EXPECT_TRUE(store->Write({.put = {{"c", "4"}}}).ok());
}

TEST_F(MysqlRecordStoreTest, ASecondOneWaitsForTheFirst) {
  auto first = Open();
  ASSERT_TRUE(first->Write({.put = {{"a", "1"}}}).ok());
  std::atomic<bool> opened{false};
  const Thread second("second", [&](const std::stop_token&) {
    const auto store = Open();
    opened = true;
    EXPECT_EQ(ReadAll(*store), (std::map<std::string, std::string>{{"a", "1"}}));
  });
  // The first one keeps its lease for longer than it lasts.
  EXPECT_TRUE(Pause(seconds(4), {}));
  EXPECT_FALSE(opened);
  EXPECT_TRUE(first->Write({.put = {{"a", "1"}}}).ok());
  first = nullptr;
  EXPECT_TRUE(Eventually([&] { return opened.load(); }));
}

TEST_F(MysqlRecordStoreTest, TheWaitCanBeStopped) {
  const auto first = Open();
  std::stop_source stop;
  const Thread stopper("stopper", [&](const std::stop_token&) { stop.request_stop(); });
  EXPECT_EQ(Become({}, stop.get_token()).status().code(), StatusCode::kCancelled);
}

TEST_F(MysqlRecordStoreTest, AnEarlierOwnerCanWriteNothing) {
  std::atomic<int> lost{0};
  const auto store = Open([&](const Status& status) {
    EXPECT_THAT(status.message(), HasSubstr("P has been taken over by server two"));
    ++lost;
  });
  ASSERT_TRUE(store->Write({.put = {{"a", "1"}}}).ok());
  TakeOver();
  EXPECT_EQ(store->Write({.put = {{"a", "2"}}}).code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReadAll(*store), (std::map<std::string, std::string>{{"a", "1"}}));
  EXPECT_EQ(store->CheckOwned().code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(lost, 1);
}

TEST_F(MysqlRecordStoreTest, NoTokenComesTwice) {
  const auto token = [this] {
    EXPECT_TRUE(Become().ok());
    return std::stoll(Run("SELECT token FROM milvus_cdc_owner" + OfRoot()).rows.at(0).at(0));
  };
  const int64_t first = token();
  // As if an older state of the database had been put back.
  Run("DELETE FROM milvus_cdc_owner" + OfRoot());
  Run("DELETE FROM milvus_cdc_lease" + OfRoot());
  EXPECT_GT(token(), first);
}

TEST_F(MysqlRecordStoreTest, AnOwnerThatWritesNothingNoticesItToo) {
  std::atomic<int> lost{0};
  const auto store = Open([&](const Status&) { ++lost; });
  TakeOver();
  EXPECT_TRUE(Eventually([&] { return lost == 1; }));
}

TEST_F(MysqlRecordStoreTest, ATransactionOfASuspendedServerDoesNotHoldUpTheNext) {
  auto first = Open();
  MysqlConnection suspended(mariadb_->options());
  ASSERT_TRUE(suspended.Open().ok());
  ASSERT_TRUE(suspended.Execute("START TRANSACTION").ok());
  ASSERT_TRUE(
      suspended.Execute("SELECT token FROM milvus_cdc_owner" + OfRoot() + " FOR UPDATE").ok());
  ASSERT_TRUE(
      suspended
          .Execute("INSERT INTO milvus_cdc_record VALUES (" + MysqlLiteral(root_) + ", 'x', 0, '')")
          .ok());
  first = nullptr;
  const auto begin = std::chrono::steady_clock::now();
  const auto second = Become();
  EXPECT_TRUE(second.ok()) << second.status().ToString();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, kPatience);
  EXPECT_FALSE(suspended.Execute("COMMIT").ok());
  EXPECT_THAT(Run("SELECT * FROM milvus_cdc_record" + OfRoot()).rows, SizeIs(0));
}

TEST_F(MysqlRecordStoreTest, TheServerIsAwayAndComesBack) {
  const auto store = Open();
  ASSERT_TRUE(store->Write({.put = {{"a", "1"}}}).ok());
  mariadb_->Kill();
  EXPECT_THAT(store->Write({.put = {{"a", "2"}}}).ToString(),
              AllOf(HasSubstr("UNAVAILABLE: metastore P: "), Not(HasSubstr("cret"))));
  EXPECT_TRUE(Eventually([&] { return store->CheckOwned().code() == StatusCode::kUnavailable; }));
  ASSERT_TRUE(mariadb_->Restart().ok());
  EXPECT_TRUE(Eventually([&] { return store->CheckOwned().ok(); }));
  EXPECT_TRUE(store->Write({.put = {{"a", "3"}}}).ok());
  EXPECT_EQ(ReadAll(*store), (std::map<std::string, std::string>{{"a", "3"}}));
}

TEST_F(MysqlRecordStoreTest, AWriteAfterALongSilenceConnectsAgain) {
  const auto store = Open();
  ASSERT_TRUE(store->Write({.put = {{"a", "1"}}}).ok());
  // The server ends connections that are idle; the lease has another one.
  const auto connections = [this] {
    return Run("SELECT id FROM information_schema.processlist").rows.size();
  };
  const size_t before = connections();
  EXPECT_TRUE(Eventually([&] { return connections() < before; }));
  EXPECT_TRUE(store->Write({.put = {{"a", "2"}}}).ok());
}

TEST_F(MysqlRecordStoreTest, OpenSaysWhatIsWrongAndNoPassword) {
  const auto open = [](const MysqlOptions& options) {
    return OpenMysqlMetaStore({.mysql = options, .root_path = "r"}, {}).status().ToString();
  };
  MysqlOptions options = mariadb_->options();
  options.password = "other";
  EXPECT_THAT(open(options), AllOf(HasSubstr("PERMISSION_DENIED: metastore mysql "),
                                   HasSubstr("milvuscdc r: Access denied for user 'cdc'"),
                                   Not(HasSubstr("other"))));
  options = mariadb_->options();
  options.database = "elsewhere";
  EXPECT_THAT(open(options), HasSubstr("elsewhere"));
  options = {.user = "cdc", .password = "se'cret", .host = "127.0.0.1", .port = 1, .database = "d"};
  EXPECT_THAT(open(options), AllOf(HasSubstr("UNAVAILABLE: metastore mysql 127.0.0.1:1/d r: "),
                                   Not(HasSubstr("cret"))));
}

}  // namespace
}  // namespace cdc
