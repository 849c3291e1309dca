#include "metastore/records/record_meta_store.h"

#include <map>
#include <memory>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metastore/records/hex.h"
#include "metastore/records/in_memory_record_store.h"
#include "metastore/records/record_keys.h"

namespace cdc {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kSecret = "correct-horse";

TaskRecord SecretTask() {
  TaskRecord task;
  task.spec.id = "t1";
  task.spec.target.uri = "http://127.0.0.1:19530";
  task.spec.target.token = std::string("root:") + kSecret;
  task.spec.sink_mode = SinkMode::kApi;
  return task;
}

class RecordMetaStoreTest : public ::testing::Test {
 protected:
  Result<std::unique_ptr<MetaStore>> Open() {
    return OpenRecordMetaStore(std::make_unique<InMemoryRecordStore>(&records_));
  }

  std::unique_ptr<MetaStore> MustOpen() {
    auto store = Open();
    CDC_CHECK(store.ok());
    return *std::move(store);
  }

  std::map<std::string, std::string> records_;
};

TEST_F(RecordMetaStoreTest, RecordsOfANewerProgramAreLeftAlone) {
  MustOpen().reset();
  records_["version"] = "2";
  records_["progress/orphan/source"] = "1";
  const auto before = records_;
  const Status status = Open().status();
  EXPECT_EQ(status.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("newer"), HasSubstr("2 > 1")));
  EXPECT_EQ(records_, before);
}

TEST_F(RecordMetaStoreTest, DamageNamesTheRecordAndNoSecret) {
  ASSERT_TRUE(MustOpen()->PutTask(SecretTask()).ok());
  const std::string good = records_.at("task/t1");
  for (const std::string& bad :
       {good.substr(0, good.size() - 60), std::string("[]"), std::string("{}"), good + "}"}) {
    records_["task/t1"] = bad;
    const Status status = MustOpen()->ListTasks().status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss);
    EXPECT_THAT(status.message(), AllOf(HasSubstr("task/t1"), Not(HasSubstr(kSecret))));
  }
}

TEST_F(RecordMetaStoreTest, DamagedProgressIsDataLoss) {
  const auto store = MustOpen();
  ASSERT_TRUE(store->PutTask(SecretTask()).ok());
  ASSERT_TRUE(store->SaveCheckpoints("t1", {{"dml_0", MsgId{"id"}, {1}, {MsgId{"x"}}}}).ok());
  const auto good = records_;
  for (const auto& [key, value] : std::multimap<std::string, std::string>{
           {"checkpoint/dml_0", R"({"position":"0","ts":1,"horizon":0})"},
           {"checkpoint/dml_0", R"({"position":"00","ts":-1,"horizon":0})"},
           {"checkpoint/dml_%", R"({"position":"00","ts":1,"horizon":0})"},
           {"collection/x", "{}"},
           {"collection/5", "{}"},
           {"snapshot/5", R"({"log":9})"},
           {"segment/5", ""},
           {"aside/5", "null"},
           {"access", R"([{"kind":7}])"},
           {"moon", ""}}) {
    records_ = good;
    records_["progress/t1/" + key] = value;
    const Status status = store->LoadProgress("t1").status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << key;
    EXPECT_THAT(status.message(), HasSubstr("progress/t1/" + key));
  }
}

TEST_F(RecordMetaStoreTest, ProgressWithoutATaskIsGoneAfterAReopen) {
  {
    const auto store = MustOpen();
    ASSERT_TRUE(store->PutTask(SecretTask()).ok());
    ASSERT_TRUE(store->PutSource("t1", "1").ok());
    ASSERT_TRUE(store->PutSource("t", "1").ok());
    ASSERT_TRUE(store->PutSnapshot("t", {.collection = {5}, .log = CopyLog::kApplied}).ok());
    ASSERT_TRUE(store->SaveCheckpoints("t", {{.channel = "c", .log_keys = {{{5}, "keys"}}}}).ok());
  }
  const auto store = MustOpen();
  EXPECT_EQ(store->LoadProgress("t")->source, "");
  EXPECT_EQ(store->LoadProgress("t1")->source, "1");
  for (const auto& [key, value] : records_) {
    EXPECT_THAT(key, Not(HasSubstr("/t/")));
  }
}

TEST(RecordKeysTest, EveryTextIsAKeyWithoutSlashes) {
  std::string all;
  for (int c = 0; c < 256; ++c) {
    all.push_back(static_cast<char>(c));
  }
  const std::string escaped = record_keys::Escape(all);
  EXPECT_THAT(escaped, AllOf(Not(HasSubstr("/")), HasSubstr("-.%2f0")));
  EXPECT_EQ(record_keys::Unescape(escaped), all);
  for (const char* bad : {"%", "%4", "%g0", "a/b", "%4X", "\xff"}) {
    EXPECT_EQ(record_keys::Unescape(bad), std::nullopt) << bad;
  }
}

TEST(HexTest, Decodes) {
  EXPECT_EQ(FromHex(ToHex(std::string("\0\xff\x80z", 4))), std::string("\0\xff\x80z", 4));
  for (const char* bad : {"0", "0g", "FF"}) {
    EXPECT_EQ(FromHex(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace cdc
