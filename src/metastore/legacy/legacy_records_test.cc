#include "metastore/legacy/legacy_records.h"

#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cdc {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr Timestamp kUntil = Timestamp::FromUnixMs(1'800'000'000'000);

// As that program writes it.
std::string Task(const std::string& id, const std::string& target, int state) {
  return R"({"TaskID":")" + id + R"(","MilvusConnectParam":)" + target +
         R"(,"KafkaConnectParam":{"address":"","topic":"","enable_sasl":false,"sasl":{}},)"
         R"("WriterCacheConfig":{"period":0,"size":0},"CollectionInfos":[{"name":"*",)"
         R"("positions":null,"use_start_position":false}],"DBCollections":null,)"
         R"("NameMapping":null,"RPCRequestChannelInfo":{"name":"","position":""},)"
         R"("ExtraInfo":{"enable_user_role":false},"ExcludeCollections":null,)"
         R"("DisableAutoStart":false,"State":)" +
         std::to_string(state) + R"(,"Reason":""})";
}

constexpr const char* kTarget = R"({"host":"","port":0,"enable_tls":false,"username":"",)"
                                R"("password":"","uri":"http://h:1","token":"root:s3cret",)"
                                R"("dial_config":{},"channel_num":0,"ignore_partition":false,)"
                                R"("connect_timeout":10})";

std::string Place(const std::string& channel, int64_t ms, const std::string& data) {
  return "\"" + channel + R"(":{"StartTime":0,"Time":)" + std::to_string(ms) +
         R"(,"DataPair":{"key":")" + channel + R"(","data":")" + data + R"("},"Dropped":false})";
}

std::string Positions(const std::string& task, int64_t collection, const std::string& places) {
  return R"({"TaskID":")" + task + R"(","CollectionID":)" + std::to_string(collection) +
         R"(,"CollectionName":"c","Positions":{)" + places +
         R"(},"OpPositions":null,"TargetPositions":null})";
}

LegacyContent MustRead(const LegacyRecords& records) {
  Result<LegacyContent> read = ReadLegacyRecords(records, kUntil);
  EXPECT_TRUE(read.ok()) << read.status().ToString();
  return read.ok() ? *std::move(read) : LegacyContent();
}

TEST(LegacyRecordsTest, ATaskKeepsWhatItIs) {
  const LegacyContent read = MustRead(
      {.tasks = {{"r/task_info/t1", Task("t1", kTarget, 1)},
                 {"r/task_info/t2",
                  R"({"TaskID":"t2","MilvusConnectParam":{"host":"h","port":19530,)"
                  R"("enable_tls":true,"username":"u","password":"p","uri":"","token":"",)"
                  R"("dial_config":{"server_name":"s","ca_pem_path":"/ca","client_pem_path":"/c",)"
                  R"("client_key_path":"/k"},"channel_num":16,"ignore_partition":true,)"
                  R"("connect_timeout":7},"CollectionInfos":null,"DBCollections":{"db1":[{"name":)"
                  R"("a","positions":{"dml_0_5v0":"AQI="},"use_start_position":true}]},)"
                  R"("NameMapping":[{"source_db":"db1","target_db":"db2","collection_mapping":)"
                  R"({"a":"b"}}],"ExtraInfo":{"enable_user_role":true},"ExcludeCollections":)"
                  R"(["default.foo"],"DisableAutoStart":true,"State":2,"Reason":"by hand"})"}},
       .positions = {}});
  EXPECT_THAT(read.left_out, IsEmpty());
  ASSERT_THAT(read.content.tasks, SizeIs(2));
  const TaskRecord& first = read.content.tasks[0];
  EXPECT_EQ(first.spec.id, "t1");
  EXPECT_EQ(first.spec.target.uri, "http://h:1");
  EXPECT_EQ(first.spec.target.token, "root:s3cret");
  EXPECT_EQ(first.spec.target.connect_timeout, 10);
  EXPECT_THAT(first.spec.collection_infos, ElementsAre(CollectionInfo{.name = "*"}));
  EXPECT_EQ(first.spec.sink_mode, SinkMode::kReplicate);
  EXPECT_EQ(first.state, TaskState::kRunning);
  const TaskRecord& second = read.content.tasks[1];
  EXPECT_EQ(second.spec.target.ResolvedUri(), "https://h:19530");
  EXPECT_EQ(second.spec.target.ResolvedToken(), "u:p");
  EXPECT_EQ(second.spec.target.tls, (TlsOptions{"s", "/ca", "/c", "/k"}));
  EXPECT_EQ(second.spec.target.channel_num, 16);
  EXPECT_TRUE(second.spec.target.ignore_partition);
  EXPECT_THAT(
      second.spec.db_collections,
      ElementsAre(std::pair<const std::string, std::vector<CollectionInfo>>(
          "db1",
          {{.name = "a", .positions = {{"dml_0_5v0", "AQI="}}, .use_start_position = true}})));
  EXPECT_THAT(second.spec.name_mapping, ElementsAre(NameMapping{"db1", "db2", {{"a", "b"}}}));
  EXPECT_THAT(second.spec.exclude, ElementsAre("default.foo"));
  EXPECT_TRUE(second.spec.enable_user_role);
  EXPECT_TRUE(second.spec.disable_auto_start);
  EXPECT_EQ(second.state, TaskState::kPaused);
  EXPECT_EQ(second.reason, "by hand");
}

TEST(LegacyRecordsTest, AChannelGoesOnAtItsEarliestPosition) {
  const LegacyContent read = MustRead(
      {.tasks = {{"t", Task("t", kTarget, 1)}},
       .positions = {
           {"p/t/-1", Positions("t", -1, "")},
           {"p/t/-10", Positions("t", -10, Place("replicate", 1'700'000'000'500, "AA=="))},
           {"p/t/5", Positions("t", 5,
                               Place("dml_0", 1'700'000'000'200, "AQI=") + "," +
                                   Place("dml_1", 1'700'000'000'000, "/wAB"))},
           {"p/t/6", Positions("t", 6, Place("dml_0", 1'700'000'000'100, "AwQF"))},
           {"p/t/7",
            Positions("t", 7,
                      R"("dml_0":{"StartTime":0,"Time":1600000000000,"DataPair":{"key":"dml_0",)"
                      R"("data":"AAAA"},"Dropped":true},"dml_2":{"StartTime":1700000000300,)"
                      R"("Time":0,"DataPair":{"key":"dml_2","data":"BwgJCg=="}})")},
           {"p/u/5", Positions("u", 5, Place("dml_0", 1, "AQI="))}}});
  ASSERT_EQ(read.content.checkpoints.size(), 1U);
  const auto& channels = read.content.checkpoints.at("t");
  ASSERT_THAT(channels, SizeIs(4));
  EXPECT_EQ(channels[0].channel, "dml_0");
  EXPECT_EQ(channels[0].position.bytes, "\x03\x04\x05");
  EXPECT_EQ(channels[0].ts.value, Timestamp::FromUnixMs(1'700'000'000'100).value - 1);
  EXPECT_EQ(channels[0].horizon, kUntil);
  EXPECT_EQ(channels[1].channel, "dml_1");
  EXPECT_EQ(channels[1].position.bytes, std::string("\xff\0\x01", 3));
  EXPECT_EQ(channels[2].channel, "dml_2");
  EXPECT_EQ(channels[2].position.bytes, "\x07\x08\x09\x0a");
  EXPECT_EQ(channels[2].ts.UnixMs(), 1'700'000'000'299);
  EXPECT_EQ(channels[3].channel, "replicate");
  EXPECT_EQ(channels[3].ts, Timestamp{});
  EXPECT_EQ(channels[3].horizon, Timestamp{});
}

TEST(LegacyRecordsTest, ATaskForKafkaIsLeftOut) {
  const LegacyContent read = MustRead(
      {.tasks = {{"k", R"({"TaskID":"k1","KafkaConnectParam":{"address":"k:9092"},"State":1})"}},
       .positions = {{"p", Positions("k1", 5, Place("dml_0", 1, "AQI="))}}});
  EXPECT_THAT(read.left_out, ElementsAre(HasSubstr("task k1: its target is not a Milvus")));
  EXPECT_THAT(read.content.tasks, IsEmpty());
  EXPECT_TRUE(read.content.checkpoints.empty());
}

TEST(LegacyRecordsTest, AnotherFormIsRefusedWithoutItsSecrets) {
  const std::string task = Task("t", kTarget, 1);
  for (const std::string& bad :
       {task.substr(0, 150), std::string("[]"), std::string("{}"), Task("", kTarget, 1),
        Task("t", kTarget, 7), Task("t", "\"root:s3cret\"", 1)}) {
    const Status status = ReadLegacyRecords({.tasks = {{"r/t", bad}}}, kUntil).status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << bad;
    EXPECT_THAT(status.message(), AllOf(HasSubstr("r/t"), Not(HasSubstr("s3cret"))));
  }
  for (const std::string& bad :
       {Positions("t", 5, Place("dml_0", 1, "A*I=")), Positions("t", 5, Place("dml_0", 1, "")),
        std::string(R"({"TaskID":"t"})"), std::string("5")}) {
    const Status status =
        ReadLegacyRecords({.tasks = {{"r/t", task}}, .positions = {{"r/p", bad}}}, kUntil).status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << bad;
    EXPECT_THAT(status.message(), HasSubstr("r/p"));
  }
}

}  // namespace
}  // namespace cdc
