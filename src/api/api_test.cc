// Requests and answers, byte for byte, as existing clients know them.
#include "api/api.h"

#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include "api/task_json.h"
#include "base/testing/fake_clock.h"
#include "control/testing/fake_replicator.h"
#include "metastore/testing/in_memory_meta_store.h"

namespace cdc {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;
using Json = nlohmann::json;

constexpr const char* kTarget = R"("milvus_connect_param":{"uri":"http://10.0.0.2:19530"})";

class ApiTest : public ::testing::Test {
 protected:
  ApiTest()
      : tasks_({.store = &store_, .replicator = &replicator_, .threads = 2, .clock = &clock_}),
        metrics_(
            {.version = "1.2.3", .queue_holds = std::chrono::minutes(2)},
            [this] { return tasks_.List(); },
            &clock_),
        api_(&tasks_, &metrics_, {.replicate_channel = "by-dev-replicate-msg"}, &clock_) {
    EXPECT_TRUE(tasks_.Start().ok());
  }

  std::string Ask(const std::string& type, const std::string& data) {
    return api_.Handle(R"({"request_type":")" + type + R"(","request_data":)" + data + "}").body;
  }

  Json AskJson(const std::string& type, const std::string& data) {
    return Json::parse(Ask(type, data));
  }

  // The message of a failed create, without the common prefix.
  std::string CreateError(const std::string& data, int code = 400) {
    const Json answer = AskJson("create", data);
    EXPECT_EQ(answer.at("code"), code) << answer;
    const std::string prefix = "fail to handle the create request, error: ";
    const std::string message = answer.value("message", "");
    EXPECT_THAT(message, StartsWith(prefix));
    return message.substr(std::min(prefix.size(), message.size()));
  }

  FakeClock clock_;
  InMemoryMetaStore store_;
  FakeReplicator replicator_;
  TaskManager tasks_;
  Metrics metrics_;
  Api api_;
};

TEST_F(ApiTest, AnswersWithoutDataHaveNoData) {
  Ask("create",
      R"({"task_id":"abc",)" + std::string(kTarget) + R"(,"collection_infos":[{"name":"*"}]})");
  EXPECT_EQ(Ask("pause", R"({"task_id":"abc"})"), "{\"code\":200}\n");
  EXPECT_EQ(Ask("resume", R"({"task_id":"abc"})"), "{\"code\":200}\n");
  EXPECT_EQ(Ask("delete", R"({"task_id":"abc"})"), "{\"code\":200}\n");
  EXPECT_EQ(Ask("delete", R"({"task_id":"abc","ignore_not_found":true})"), "{\"code\":200}\n");
  EXPECT_EQ(Ask("list", "null"), "{\"code\":200,\"data\":{\"tasks\":[]}}\n");
  EXPECT_EQ(api_.Handle(R"({"request_type":"list"})").body,
            "{\"code\":200,\"data\":{\"tasks\":[]}}\n");
}

TEST_F(ApiTest, CreateAnswersTheId) {
  EXPECT_EQ(Ask("create", R"({"task_id":"abc",)" + std::string(kTarget) +
                              R"(,"collection_infos":[{"name":"*"}]})"),
            "{\"code\":200,\"data\":{\"task_id\":\"abc\",\"sink_mode\":\"api\","
            "\"sink_mode_reason\":\"the target takes inserts (it is no standby)\"}}\n");
  EXPECT_THAT(
      Ask("create", "{" + std::string(kTarget) + R"(,"db_collections":{"d":[{"name":"c"}]}})"),
      MatchesRegex("\\{\"code\":200,\"data\":\\{\"task_id\":\"[0-9a-f]{32}\",.*\\}\\}\n"));
}

TEST_F(ApiTest, TheSinkModeFitsTheTarget) {
  const auto create = [](const std::string& id, const std::string& mode) {
    return R"({"task_id":")" + id + R"(","sink_mode":")" + mode + R"(",)" + std::string(kTarget) +
           R"(,"collection_infos":[{"name":")" + id + R"("}]})";
  };
  EXPECT_THAT(CreateError(create("a", "other")), HasSubstr("[auto api replicate], got other"));
  EXPECT_THAT(CreateError(create("a", "replicate")), HasSubstr("common.ttMsgEnabled: false"));
  EXPECT_EQ(AskJson("create", create("a", "api"))["data"]["sink_mode"], "api");
  replicator_.SetStandby(true);
  EXPECT_THAT(CreateError(create("b", "api")), HasSubstr("common.ttMsgEnabled: false"));
  EXPECT_EQ(AskJson("create", create("b", "auto"))["data"]["sink_mode"], "replicate");
  EXPECT_EQ(AskJson("create", create("c", "replicate"))["data"]["sink_mode"], "replicate");
  EXPECT_EQ(replicator_.last_started("c").sink_mode, SinkMode::kReplicate);
  const Json task = AskJson("get", R"({"task_id":"c"})")["data"]["task"];
  EXPECT_EQ(task["sink_mode"], "replicate");
  EXPECT_THAT(task["sink_mode_reason"].get<std::string>(), HasSubstr("is a standby"));
}

TEST_F(ApiTest, TaskHasTheKnownKeysThenOurs) {
  Ask("create", R"({"task_id":"6623ae52d35842a5a2c9d89b16ed7aa1","milvus_connect_param":
      {"uri":"http://10.0.0.2:19530","token":"root:tok-secret","connect_timeout":10},
      "collection_infos":[{"name":"*"}]})");
  Ask("pause", R"({"task_id":"6623ae52d35842a5a2c9d89b16ed7aa1"})");
  EXPECT_EQ(
      Ask("get", R"({"task_id":"6623ae52d35842a5a2c9d89b16ed7aa1"})"),
      R"({"code":200,"data":{"task":{)"
      R"("collection_infos":[{"name":"*","positions":null,"use_start_position":false}],)"
      R"("db_collections":null,)"
      R"("kafka_connect_param":{"address":"","enable_sasl":false,"sasl":{},"topic":""},)"
      R"("milvus_connect_param":{"channel_num":0,"connect_timeout":10,"dial_config":{},)"
      R"("enable_tls":false,"host":"","ignore_partition":false,"port":0,)"
      R"("uri":"http://10.0.0.2:19530"},)"
      R"("reason":"manually pause through http interface","state":"Paused",)"
      R"("task_id":"6623ae52d35842a5a2c9d89b16ed7aa1",)"
      R"("start_from":"latest","snapshot":{"from":"storage","index":"after","log":"auto"},)"
      R"("on_expired":"stop","on_collection_error":"set_aside",)"
      R"("on_undecodable":"stop","disable_auto_start":false,)"
      R"("exclude":[],"exclude_collections":[],"sync_index":true,"sync_load":true,"dry_run":false,)"
      R"("extra_info":{"enable_user_role":false},)"
      R"("rpc_channel_info":{"name":"","position":""},"buffer_config":{"period":0,"size":0},)"
      R"("condition":{"state":"paused","reason":"manually pause through http interface",)"
      R"("since":1700000000000,"attempts":0},"phase":null,"lag_ms":null,"source_lag_ms":null,"checkpoint":[],)"
      R"("channels":[],"catalog":null,"set_aside":[],"covers":[],"sink_mode":"api",)"
      R"x("sink_mode_reason":"the target takes inserts (it is no standby)",)x"
      R"("rows":{"inserted":0,"upserted":0,"deleted":0},)"
      R"("bytes_written":0,"rows_waiting":0,"bytes_waiting":0,"skipped":{"records":0,"last":""},)"
      R"("target_version":""}}})"
      "\n");
}

TEST_F(ApiTest, GetTellsWhereTheSourceIsIfItIsAsked) {
  Ask("create",
      R"({"task_id":"t1",)" + std::string(kTarget) + R"(,"db_collections":{"d":[{"name":"c"}]}})");
  replicator_.SetCatalogProgress({.revision = 41, .applied = false, .pending = {"collection d.c"}});
  replicator_.SetPresent(
      SourcePresent{.ts = Timestamp::FromUnixMs(1'000, 7), .catalog_revision = 42});
  const std::string answer = Ask("get", R"({"task_id":"t1","present":true})");
  EXPECT_THAT(answer, HasSubstr(R"("catalog":{"revision":41,"applied":false,)"
                                R"("pending":["collection d.c"]},)"
                                R"("present":{"ts":262144007,"time_ms":1000,)"
                                R"("catalog_revision":42},"set_aside":[],"covers":)"));
  // It costs a request to the source's etcd.
  EXPECT_THAT(Ask("get", R"({"task_id":"t1"})"), Not(HasSubstr("\"present\"")));
  replicator_.SetPresent(UnavailableError("etcd is away"));
  EXPECT_THAT(Ask("get", R"({"task_id":"t1","present":true})"),
              AllOf(HasSubstr(R"("code":500)"), HasSubstr("etcd is away")));
  EXPECT_THAT(Ask("get", R"({"task_id":"t2","present":true})"), HasSubstr("not found: [t2]"));
}

TEST_F(ApiTest, RunningTaskShowsItsProgress) {
  TaskStatus status;
  status.condition = Condition::kRetrying;
  status.reason = "rate limit <429> & more";
  status.since_unix_ms = 5;
  status.attempts = 3;
  status.channels = {{"by-dev-rootcoord-dml_0", Timestamp::FromUnixMs(2'000),
                      Timestamp::FromUnixMs(1'000, 7), MsgId{std::string("\1\2", 2)}, 7, 9,
                      clock_.UnixMs() - 250}};
  status.lag_ms = 42;
  status.source_lag_ms = 41;
  status.counts.collections[{1}].rows.written.inserts = 9'007'199'254'740'993;
  status.covers = {{"default", "c"}};
  status.target_version = "2.3.5";
  replicator_.SetTaskStatus("t1", status);
  Ask("create",
      R"({"task_id":"t1",)" + std::string(kTarget) + R"(,"db_collections":{"d":[{"name":"c"}]}})");
  const std::string answer = Ask("list", "{}");
  EXPECT_THAT(answer, HasSubstr(R"("collection_infos":null,"db_collections":{"d":[{"name":"c",)"
                                R"("positions":null,"use_start_position":false}]})"));
  EXPECT_THAT(answer, HasSubstr(R"("state":"Running","task_id":"t1")"));
  EXPECT_THAT(
      answer,
      HasSubstr(R"("condition":{"state":"retrying","reason":"rate limit )"
                R"(\u003c429\u003e \u0026 more","since":5,"attempts":3},"phase":null,"lag_ms":42,)"
                R"("source_lag_ms":41,"checkpoint":[{"channel":)"
                R"("by-dev-rootcoord-dml_0","ts":262144007,"time_ms":1000,)"
                R"("msg_id":"ChZieS1kZXYtcm9vdGNvb3JkLWRtbF8wEgIBAg=="}],)"
                R"("channels":[{"channel":"by-dev-rootcoord-dml_0","resolved_ts":524288000,)"
                R"("source_lag_ms":1699999998000,"lag_ms":1699999999000,)"
                R"("tick_age_ms":250,"rows_waiting":7,"bytes_waiting":9}],)"
                R"("catalog":{"revision":0,"applied":false,"pending":[]},)"
                R"("set_aside":[],"covers":["default.c"])"));
  EXPECT_THAT(answer, HasSubstr(R"("inserted":9007199254740993)"));
}

TEST_F(ApiTest, ATaskThatCoversNothingIsMarked) {
  TaskStatus status;
  status.condition = Condition::kWaiting;
  status.idle = true;
  status.reason = "scope: no collection";
  replicator_.SetTaskStatus("t1", status);
  Ask("create",
      R"({"task_id":"t1",)" + std::string(kTarget) + R"(,"db_collections":{"d":[{"name":"c"}]}})");
  EXPECT_THAT(Ask("get", R"({"task_id":"t1"})"),
              HasSubstr(R"("condition":{"state":"waiting","reason":"scope: no collection",)"
                        R"("since":null,"attempts":0,"idle":true})"));
}

TEST_F(ApiTest, OtherNamesAndWhatIsLeftToTheTargetComeBack) {
  Ask("create",
      R"({"task_id":"t1",)" + std::string(kTarget) +
          R"(,"db_collections":{"d":[{"name":"*"}],"default":[{"name":"a"}]},"name_mapping":[)"
          R"({"source_db":"d","target_db":"e"},{"target_db":"f","collection_mapping":{"a":"b"}}],)"
          R"("sync_index":false,"sync_load":false,"dry_run":true})");
  EXPECT_THAT(Ask("get", R"({"task_id":"t1"})"),
              HasSubstr(R"("name_mapping":[{"source_db":"d","target_db":"e",)"
                        R"("collection_mapping":{}},{"source_db":"default","target_db":"f",)"
                        R"("collection_mapping":{"a":"b"}}],"sync_index":false,"sync_load":false,)"
                        R"("dry_run":true)"));
}

TEST_F(ApiTest, OneTaskOfATargetReplicatesUsersAndRoles) {
  const std::string flag = R"(,"extra_info":{"enable_user_role":true})";
  const auto create = [&](const std::string& id, const std::string& collection) {
    return Ask("create", R"({"task_id":")" + id + R"(",)" + std::string(kTarget) +
                             R"(,"collection_infos":[{"name":")" + collection + R"("}])" + flag +
                             "}");
  };
  create("t1", "a");
  EXPECT_TRUE(replicator_.last_started("t1").enable_user_role);
  EXPECT_THAT(Ask("get", R"({"task_id":"t1"})"),
              HasSubstr(R"("extra_info":{"enable_user_role":true})"));
  EXPECT_THAT(create("t2", "b"), HasSubstr("the enable user role param is duplicate"));
}

TEST_F(ApiTest, PositionsAsClientsKnowThem) {
  EXPECT_EQ(Ask("position", R"({"task_id":"unknown"})"),
            "{\"code\":200,\"data\":{\"positions\":null,\"op_positions\":null,"
            "\"target_positions\":null}}\n");
  TaskStatus status;
  status.channels = {{"by-dev-rootcoord-dml_0",
                      {},
                      Timestamp::FromUnixMs(1'700'000'000'000, 3),
                      MsgId{std::string("\1\2", 2)}}};
  replicator_.SetTaskStatus("t1", status);
  Ask("create",
      R"({"task_id":"t1",)" + std::string(kTarget) + R"(,"collection_infos":[{"name":"c"}]})");
  ASSERT_TRUE(store_
                  .PutCollection("t1", {{450541344162316901},
                                        {"default", "c"},
                                        {"default", "c"},
                                        {"by-dev-rootcoord-dml_0"},
                                        {},
                                        {}})
                  .ok());
  EXPECT_EQ(Ask("position", "{}"),
            R"({"code":200,"data":{"positions":[{"collection_id":450541344162316901,)"
            R"("channel_name":"by-dev-rootcoord-dml_0","time":1700000000000,)"
            R"("tt":445644800000262144,"msg_id":"ChZieS1kZXYtcm9vdGNvb3JkLWRtbF8wEgIBAg=="}],)"
            R"("op_positions":null,"target_positions":null}})"
            "\n");
  status.channels[0].last_rows[{450541344162316901}] = {
      .position = MsgId{std::string("\1\2", 2)}, .ts = Timestamp::FromUnixMs(1'600'000'000'000)};
  status.target_rows = {{{"default", "c"},
                         "by-dst-rootcoord-dml_3",
                         Timestamp::FromUnixMs(1'700'000'000'000),
                         MsgId{std::string("\1\2", 2)}}};
  replicator_.SetTaskStatus("t1", status);
  EXPECT_THAT(Ask("position", R"({"task_id":"t1"})"),
              HasSubstr(R"("op_positions":[{"collection_id":450541344162316901,)"
                        R"("channel_name":"by-dev-rootcoord-dml_0","time":1600000000000,)"));
  EXPECT_THAT(Ask("position", R"({"task_id":"t1"})"),
              HasSubstr(R"("target_positions":[{"collection_id":450541344162316901,)"
                        R"("channel_name":"by-dst-rootcoord-dml_3","time":1700000000000,)"
                        R"("tt":445644800000262144,"msg_id":")"));
}

TEST_F(ApiTest, NoCredentialComesBack) {
  const std::string create =
      R"({"task_id":"t1","milvus_connect_param":{"uri":"http://10.0.0.2:19530","username":)"
      R"("usr-secret","password":"pwd-secret","token":"tok-secret"},)"
      R"("collection_infos":[{"name":"c"}]})";
  std::string all = Ask("create", create) + Ask("get", R"({"task_id":"t1"})") + Ask("list", "{}");
  all += Ask("create",
             R"({"milvus_connect_param":{"token":["tok-secret"],"uri":{"t":"tok-secret"}}})");
  all += Ask("create", R"({"milvus_connect_param":{"password":true,"token":12345678}})");
  all += api_.Handle(R"({"request_type":"create","request_data":{"token":"tok-secret)").body;
  all += api_.Handle(R"({"request_type":"create","request_data":"tok-secret"})").body;
  all += Ask("create", R"({"milvus_connect_param":{"uri":"http://a:pwd-secret@h:1"},)"
                       R"("collection_infos":[{"name":"c"}]})");
  EXPECT_THAT(all, Not(HasSubstr("-secret")));
  EXPECT_THAT(all, Not(HasSubstr("12345678")));
}

TEST_F(ApiTest, EnvelopeErrors) {
  EXPECT_EQ(api_.WrongMethod().body,
            "{\"code\":405,\"message\":\"only support the POST method\"}\n");
  EXPECT_EQ(api_.UnreadableBody("x").body,
            "{\"code\":500,\"message\":\"fail to read the request body, error: x\"}\n");
  const char* const bodies[] = {"",
                                "{",
                                "[]",
                                "5",
                                "\"x\"",
                                R"({"request_type":5})",
                                R"({"request_type":"list","request_data":[]})",
                                R"({"request_type":"list"} x)",
                                R"({"request_type":"list","request_data":{"x":1e999}})",
                                "{\"request_type\":\"\xff\"}"};
  for (const char* body : bodies) {
    const Json answer = Json::parse(api_.Handle(body).body);
    EXPECT_EQ(answer.at("code"), 500) << body;
    EXPECT_THAT(answer.at("message").get<std::string>(),
                StartsWith("fail to unmarshal the request, error: "))
        << body;
  }
  for (const char* body : {"{}", "null", R"({"request_type":"drop"})", R"({"request_type":""})"}) {
    const Json answer = Json::parse(api_.Handle(body).body);
    EXPECT_EQ(answer.at("code"), 400) << body;
    EXPECT_THAT(answer.at("message").get<std::string>(),
                StartsWith("invalid 'request_type' param, can be set ["));
  }
}

TEST_F(ApiTest, NestedWithoutEndGetsAnAnswer) {
  const std::string deep = std::string(200'000, '[');
  EXPECT_EQ(Json::parse(api_.Handle(deep).body).at("code"), 500);
  const std::string closed = deep + std::string(200'000, ']');
  EXPECT_EQ(AskJson("create", R"({"task_id":)" + closed + "}").at("code"), 500);
}

TEST_F(ApiTest, KeysMatchInAnyCaseAndNumbersAreCutOff) {
  const Json answer = Json::parse(
      api_.Handle(
              R"({"Request_Type":"create","REQUEST_DATA":{"TASK_ID":"t1","Milvus_Connect_Param":
      {"HOST":"h","Port":19530.9,"channel_num":3.7,"connect_timeout":null},
      "Collection_Infos":[{"NAME":"c"}],"unknown":5,"positions":7}})")
          .body);
  EXPECT_EQ(answer.at("code"), 200) << answer;
  const Json task = AskJson("get", R"({"task_id":"t1"})").at("data").at("task");
  EXPECT_EQ(task.at("milvus_connect_param").at("port"), 19530);
  EXPECT_EQ(task.at("milvus_connect_param").at("channel_num"), 3);
}

TEST_F(ApiTest, ExactKeyWins) {
  Ask("create", R"({"TASK_ID":"no","task_id":"yes",)" + std::string(kTarget) +
                    R"(,"collection_infos":[{"name":"c"}]})");
  EXPECT_EQ(AskJson("get", R"({"task_id":"yes"})").at("code"), 200);
}

TEST_F(ApiTest, WrongTypes) {
  const auto message = [this](const std::string& data) {
    const Json answer = AskJson("create", data);
    EXPECT_EQ(answer.at("code"), 500) << data;
    return answer.at("message").get<std::string>();
  };
  const std::string one = "fail to decode the create request, error: 1 error(s) decoding:\n\n* ";
  EXPECT_EQ(message(R"({"milvus_connect_param":{"port":"19530"}})"),
            one +
                "'milvus_connect_param.port' expected type 'int', got unconvertible type "
                "'string', value: '19530'");
  EXPECT_EQ(message(R"({"collection_infos":{"name":"c"}})"),
            one + "'collection_infos': source data must be an array or slice, got map");
  EXPECT_EQ(message(R"({"disable_auto_start":"true"})"),
            one +
                "'disable_auto_start' expected type 'bool', got unconvertible type 'string', "
                "value: 'true'");
  EXPECT_EQ(message(R"({"task_id":5.5})"),
            one +
                "'task_id' expected type 'string', got unconvertible type 'float64', "
                "value: '5.5'");
  EXPECT_EQ(message(R"({"milvus_connect_param":[1]})"),
            one + "'milvus_connect_param' expected a map, got 'slice'");
  EXPECT_EQ(message(R"({"db_collections":{"d":[{"name":1}]}})"),
            one +
                "'db_collections[d][0].name' expected type 'string', got unconvertible type "
                "'float64', value: '1'");
  EXPECT_EQ(message(R"({"milvus_connect_param":{"port":"a"},"task_id":true})"),
            "fail to decode the create request, error: 2 error(s) decoding:\n\n"
            "* 'milvus_connect_param.port' expected type 'int', got unconvertible type 'string', "
            "value: 'a'\n"
            "* 'task_id' expected type 'string', got unconvertible type 'bool', value: 'true'");
  EXPECT_EQ(AskJson("pause", R"({"task_id":5})").at("code"), 500);
}

struct CheckCase {
  const char* name;
  std::string data;
  std::string message;
};

std::string Data(const std::string& rest, const std::string& param = kTarget) {
  return "{" + param + (rest.empty() ? "" : ",") + rest + "}";
}

std::string Param(const std::string& fields) {
  return R"("milvus_connect_param":{)" + fields + "}";
}

class CreateCheckTest : public ApiTest, public ::testing::WithParamInterface<CheckCase> {};

TEST_P(CreateCheckTest, IsRefusedWithItsText) {
  // A check must come before any request to the target.
  replicator_.SetCheckStatus(InternalError("the target was asked"));
  EXPECT_EQ(CreateError(GetParam().data), GetParam().message);
  EXPECT_EQ(AskJson("list", "{}").at("data").at("tasks").size(), 0U);
}

const std::string kC = R"("collection_infos":[{"name":"c"}])";  // NOLINT(runtime/string)
const std::string kLong(257, 'x');                              // NOLINT(runtime/string)

INSTANTIATE_TEST_SUITE_P(
    All,
    CreateCheckTest,
    ::testing::Values(
        CheckCase{"NoAddress", "{" + kC + "}", "the downstream address is empty"},
        CheckCase{"BothTargets", Data(kC + R"(,"kafka_connect_param":{"address":"k:9092"})"),
                  "don't support milvus and kafka at the same time now"},
        CheckCase{"NoHost", Data(kC, Param(R"("port":19530)")), "the milvus host is empty"},
        CheckCase{"NoPort", Data(kC, Param(R"("host":"h")")),
                  "the milvus port is less or equal zero"},
        CheckCase{"OnlyUser", Data(kC, Param(R"("uri":"http://h:1","username":"u")")),
                  "cannot set only one of the milvus username and password"},
        CheckCase{"OnlyPassword", Data(kC, Param(R"("uri":"http://h:1","password":"u")")),
                  "cannot set only one of the milvus username and password"},
        CheckCase{"Timeout", Data(kC, Param(R"("uri":"http://h:1","connect_timeout":-1)")),
                  "the milvus connect timeout is less zero"},
        CheckCase{"KafkaNoTopic", R"({"kafka_connect_param":{"address":"k:1"}})",
                  "the kafka topic is empty"},
        CheckCase{"Kafka", R"({"kafka_connect_param":{"address":"k:1","topic":"t"},)" + kC + "}",
                  "kafka as a target is not supported yet"},
        CheckCase{"Period", Data(kC + R"(,"buffer_config":{"period":-1})"),
                  "the cache period is less zero"},
        CheckCase{"Size", Data(kC + R"(,"buffer_config":{"size":-1})"),
                  "the cache size is less zero"},
        CheckCase{"NoCollections", Data(""), "the collection info is empty"},
        CheckCase{"LongDb", Data(R"("db_collections":{")" + kLong + R"(":[{"name":"c"}]})"),
                  "the db name length exceeds 256 characters, " + kLong},
        CheckCase{"EmptyDb", Data(R"("db_collections":{"d":[]})"), "empty collection info"},
        CheckCase{"NullDb", Data(R"("db_collections":{"d":null})"), "empty collection info"},
        CheckCase{"StarPositions",
                  Data(R"("collection_infos":[{"name":"*","positions":{"a_1v0":"AQI="}}])"),
                  "the collection name is `*`, the positions should be empty"},
        CheckCase{"NoVchannel",
                  Data(R"("collection_infos":[{"name":"c","positions":{"by-dev-dml_0":"AQI="}}])"),
                  "the position channel name is not virtual channel, by-dev-dml_0"},
        CheckCase{"EmptyName", Data(R"("collection_infos":[{"name":""}])"),
                  "there is a collection name that is empty. "},
        CheckCase{"NullElement", Data(R"("collection_infos":[null])"),
                  "there is a collection name that is empty. "},
        CheckCase{
            "LongName", Data(R"("collection_infos":[{"name":")" + kLong + R"("}])"),
            "there are some collection names whose length exceeds 256 characters, [" + kLong + "]"},
        CheckCase{"Dot", Data(R"("collection_infos":[{"name":"a.b"}])"),
                  "the collection name must not contain a dot, [a.b]; one of another database goes "
                  "into db_collections"},
        CheckCase{"RpcChannel", Data(kC + R"(,"rpc_channel_info":{"name":"other"})"),
                  "the rpc channel is invalid, the channel name should be the same as the source "
                  "config"},
        CheckCase{"StartFrom", Data(kC + R"(,"start_from":"yesterday")"),
                  "start_from can be set to [latest earliest snapshot], got yesterday"},
        CheckCase{"SnapshotFrom", Data(kC + R"(,"snapshot":{"from":"tape"})"),
                  "snapshot.from can be set to [storage query], got tape"},
        CheckCase{"SnapshotIndex", Data(kC + R"(,"snapshot":{"index":"never"})"),
                  "snapshot.index can be set to [before after], got never"},
        CheckCase{"SnapshotLog", Data(kC + R"(,"snapshot":{"log":"later"})"),
                  "snapshot.log can be set to [auto wait apply], got later"},
        CheckCase{"OnExpired", Data(kC + R"(,"on_expired":"ignore")"),
                  "on_expired can be set to [stop snapshot], got ignore"},
        CheckCase{"OnCollectionError", Data(kC + R"(,"on_collection_error":"ignore")"),
                  "on_collection_error can be set to [set_aside pause], got ignore"},
        CheckCase{"OnUndecodable", Data(kC + R"(,"on_undecodable":"ignore")"),
                  "on_undecodable can be set to [stop skip], got ignore"},
        CheckCase{"UriCredentials", Data(kC, Param(R"("uri":"http://u:p@h:1")")),
                  "the milvus uri must not hold credentials, they belong into the token"}),
    [](const auto& check) { return check.param.name; });

struct NameCase {
  std::string name;
  std::string message;  // a part of it; empty: accepted
};

class NameTest : public ApiTest, public ::testing::WithParamInterface<NameCase> {
 protected:
  void Expect(const std::string& data) {
    if (GetParam().message.empty()) {
      EXPECT_EQ(AskJson("create", data).at("code"), 200) << data;
    } else {
      EXPECT_THAT(CreateError(data), HasSubstr(GetParam().message));
    }
  }
};

TEST_P(NameTest, OfADatabaseOrCollectionOrExclusion) {
  const std::string name = Json(GetParam().name).dump();
  Expect(Data(R"("task_id":"c","collection_infos":[{"name":)" + name + "}]"));
  Expect(Data(R"("task_id":"d","db_collections":{)" + name + R"(:[{"name":"c"}]})",
              Param(R"("uri":"http://h:2")")));
  const std::string text = Json("shop." + GetParam().name).dump();
  Expect(Data(R"("task_id":"e","db_collections":{"*":[{"name":"*"}]},"exclude":[)" + text + "]",
              Param(R"("uri":"http://h:3")")));
}

INSTANTIATE_TEST_SUITE_P(
    All,
    NameTest,
    ::testing::Values(NameCase{"orders", ""},
                      NameCase{"_x", ""},
                      NameCase{"Orders_2024", ""},
                      NameCase{"orders_*", ""},
                      NameCase{"*_x", ""},
                      NameCase{"a?", ""},
                      NameCase{"**", ""},
                      NameCase{"a$b-c", ""},
                      NameCase{"{a,b}", "has a `{`, which no name of a Milvus has"},
                      NameCase{"a,b", "give each name as an element of its own"},
                      NameCase{"a|b", "give each name as an element of its own"},
                      NameCase{"[ab]*", "the only globs are `*`"},
                      NameCase{"^a$", "the only globs are `*`"},
                      NameCase{"a%", "the only globs are `*`"},
                      NameCase{" a", "leave the blank out"},
                      NameCase{"a\t", "leave the blank out"},
                      NameCase{"a b", "names have letters, digits and underscores"},
                      NameCase{"a/b", "names have letters, digits and underscores"},
                      NameCase{"1a", "begins with a letter or an underscore"}));

TEST_F(ApiTest, ExclusionsThatDoNothingOrLeaveNothingAreRefused) {
  EXPECT_THAT(CreateError(Data(kC + R"(,"exclude_collections":["d.x"])")),
              HasSubstr("goes into exclude"));
  EXPECT_THAT(CreateError(Data(kC + R"(,"exclude":["d"])")),
              HasSubstr("exclude names nothing that the task covers, [default.d]"));
  EXPECT_THAT(CreateError(Data(kC + R"(,"exclude":["c"])")), HasSubstr("exclude leaves nothing"));
  EXPECT_THAT(CreateError(Data(kC + R"(,"exclude":[null])")), HasSubstr("exclude must be"));
  EXPECT_THAT(Ask("create", Data(kC + R"(,"exclude":"c")")),
              HasSubstr("'exclude': source data must be an array or slice, got string"));
  EXPECT_THAT(Ask("create", Data(kC + R"(,"exclude":[5])")),
              HasSubstr("'exclude[0]' expected type 'string'"));
}

TEST_F(ApiTest, ExclusionsComeBackAndWhatIsLeftToOtherTasksToo) {
  Ask("create",
      Data(R"("task_id":"t1","db_collections":{"d":[{"name":"a*"}]},"exclude":["d.ab"])"));
  EXPECT_THAT(Ask("get", R"({"task_id":"t1"})"),
              HasSubstr(R"("exclude":["d.ab"],"exclude_collections":[],)"));
  Ask("create", Data(R"("task_id":"t2","db_collections":{"*":[{"name":"*"}]},"exclude":["x.?"])"));
  EXPECT_THAT(Ask("list", "{}"), HasSubstr(R"("exclude":["x.?"],"exclude_collections":)"
                                           R"(["d.a* except d.ab"],)"));
  EXPECT_EQ(replicator_.last_started("t2").exclude, std::vector<std::string>{"x.?"});
  EXPECT_EQ(CreateError(Data(R"("db_collections":{"d":[{"name":"ab"}]})")),
            "the collection name is duplicate with existing task, [d.ab]");
}

TEST_F(ApiTest, AcceptsSeveralEntriesInBothLists) {
  EXPECT_EQ(AskJson("create", Data(R"("task_id":"t1","start_from":"earliest","collection_infos":[
        {"name":"a","use_start_position":true},{"name":"b"}],"db_collections":{"d":[{"name":"x"},
        {"name":"y"}],"":[{"name":"z"}]},"rpc_channel_info":{"name":"by-dev-replicate-msg"},
        "extra_info":{"enable_user_role":false},"name_mapping":[],"buffer_config":{"period":1})"))
                .at("code"),
            200);
  const TaskSpec spec = replicator_.last_started("t1");
  EXPECT_EQ(spec.start_from, StartFrom::kEarliest);
  ASSERT_EQ(spec.collection_infos.size(), 2U);
  EXPECT_TRUE(spec.collection_infos[0].use_start_position);
  EXPECT_EQ(spec.db_collections.at("d").size(), 2U);
  EXPECT_EQ(spec.db_collections.at("default")[0].name, "z");
}

TEST_F(ApiTest, AnEntryMayBeginElsewhere) {
  EXPECT_EQ(CreateError(Data(R"("collection_infos":[{"name":"a","start_from":"tomorrow"}])")),
            "start_from can be set to [latest earliest snapshot], got tomorrow");
  ASSERT_EQ(AskJson("create", Data(R"("task_id":"t1","collection_infos":[
                {"name":"a","start_from":"snapshot"},{"name":"b"}])"))
                .at("code"),
            200);
  const TaskSpec spec = replicator_.last_started("t1");
  EXPECT_EQ(spec.start_from, StartFrom::kLatest);
  EXPECT_EQ(spec.collection_infos[0].start_from, StartFrom::kSnapshot);
  EXPECT_EQ(spec.collection_infos[1].start_from, std::nullopt);
  const auto task = AskJson("get", R"({"task_id":"t1"})").at("data").at("task");
  EXPECT_EQ(task.at("collection_infos")[0].at("start_from"), "snapshot");
  EXPECT_FALSE(task.at("collection_infos")[1].contains("start_from"));
  EXPECT_TRUE(task.contains("snapshots"));
}

TEST_F(ApiTest, FilesForATlsTarget) {
  const auto get_dial = [this](const char* id) {
    const std::string get = R"({"task_id":")" + std::string(id) + R"("})";
    return AskJson("get", get).at("data").at("task").at("milvus_connect_param").at("dial_config");
  };
  const std::string mutual =
      R"({"ca_pem_path":"/ca","client_key_path":"/key","client_pem_path":"/cert","server_name":"s"})";
  EXPECT_EQ(AskJson("create", Data(kC + R"(,"task_id":"t1")",
                                   Param(R"("uri":"https://h:1","dial_config":)" + mutual)))
                .at("code"),
            200);
  const TlsOptions tls = replicator_.last_started("t1").target.tls;
  EXPECT_EQ(tls, (TlsOptions{"s", "/ca", "/cert", "/key"}));
  EXPECT_EQ(get_dial("t1").dump(), mutual);
  const std::string one_way = R"({"server_pem_path":"/ca"})";
  EXPECT_EQ(AskJson("create", Data(R"("collection_infos":[{"name":"d"}],"task_id":"t2")",
                                   Param(R"("uri":"https://h:1","dial_config":)" + one_way)))
                .at("code"),
            200);
  EXPECT_EQ(replicator_.last_started("t2").target.tls, (TlsOptions{.authority_path = "/ca"}));
  EXPECT_EQ(get_dial("t2").dump(), one_way);
}

TEST_F(ApiTest, PolicyForUndecodableRecords) {
  EXPECT_EQ(AskJson("create", Data(kC + R"(,"task_id":"t1","on_undecodable":"skip")")).at("code"),
            200);
  EXPECT_EQ(replicator_.last_started("t1").on_undecodable, OnUndecodable::kSkip);
  ASSERT_EQ(AskJson("pause", R"({"task_id":"t1"})").at("code"), 200);
  EXPECT_THAT(AskJson("resume", R"({"task_id":"t1","on_undecodable":"no"})").at("message"),
              testing::HasSubstr("on_undecodable can be set to [stop skip], got no"));
  EXPECT_EQ(AskJson("resume", R"({"task_id":"t1","on_undecodable":"stop"})").at("code"), 200);
  EXPECT_EQ(replicator_.last_started("t1").on_undecodable, OnUndecodable::kStop);
}

TEST_F(ApiTest, TheEndOfATask) {
  const auto create = [this](const std::string& fields) {
    return AskJson("create", Data(kC + R"(,"task_id":"t1",)" + fields));
  };
  EXPECT_THAT(create(R"("stop_at":"soon")").at("message"),
              testing::HasSubstr("a time is RFC 3339"));
  EXPECT_THAT(create(R"("stop_at":1767225600000,"on_expired":"snapshot")").at("message"),
              testing::HasSubstr("use on_expired stop"));
  EXPECT_THAT(create(R"("stop_at":1767225600000,"start_from":"snapshot")").at("message"),
              testing::HasSubstr("use start_from earliest"));
  ASSERT_EQ(create(R"("stop_at":"2026-01-01T00:00:00Z")").at("code"), 200);
  const Timestamp end = Timestamp::FromUnixMs(1'767'225'600'000);
  EXPECT_EQ(replicator_.last_started("t1").stop_at, end);
  EXPECT_EQ(AskJson("get", R"({"task_id":"t1"})").at("data").at("task").at("stop_at"), end.value);
  ASSERT_EQ(AskJson("pause", R"({"task_id":"t1"})").at("code"), 200);
  EXPECT_EQ(AskJson("resume", R"({"task_id":"t1","stop_at":0})").at("code"), 200);
  EXPECT_FALSE(AskJson("get", R"({"task_id":"t1"})").at("data").at("task").contains("stop_at"));
}

TEST_F(ApiTest, AResumeMayReadFromOtherPlaces) {
  replicator_.SetNotes(
      {{.collection = {"d", "c"}, .what = ScopeNote::What::kMoved, .rows = "come again"}});
  ASSERT_EQ(AskJson("create", Data(kC + R"(,"task_id":"t1")")).at("code"), 200);
  ASSERT_EQ(AskJson("pause", R"({"task_id":"t1"})").at("code"), 200);
  const auto resume = [&](const std::string& fields) {
    return AskJson("resume", R"({"task_id":"t1",)" + fields + "}");
  };
  const std::string positions = R"("positions":{"d.c":{"dml_0_7v0":"AQI="}})";
  EXPECT_THAT(resume(positions).at("message"), testing::HasSubstr("needs force"));
  EXPECT_THAT(resume(R"("force":true)").at("message"), testing::HasSubstr("leave it out"));
  EXPECT_THAT(resume(R"("positions":{"d.c":{}})").at("message"), testing::HasSubstr("are empty"));
  EXPECT_THAT(resume(R"("positions":{"c":{"dml_0_7v0":"?"}})").at("message"),
              testing::HasSubstr("fail to decode the position data"));
  EXPECT_THAT(resume(R"("positions":{"c":["dml_0_7v0"]})").at("message"),
              testing::HasSubstr("'positions.c' expected a map"));
  EXPECT_THAT(resume(R"("positions":{"c":{"dml_0_7v0":"AQI="},"default.c":{"dml_0_7v0":"AQI="}})")
                  .at("message"),
              testing::HasSubstr("is named twice"));
  const Json resumed = resume(positions + R"(,"force":true)");
  ASSERT_EQ(resumed.at("code"), 200) << resumed;
  EXPECT_EQ(resumed.at("data").at("changes"),
            Json::parse(R"([{"collection":"d.c","what":"moved","rows":"come again"}])"));
  const GivenPositions given = replicator_.last_places().at({"d", "c"});
  EXPECT_EQ(given.places.at("dml_0_7v0").position.bytes, std::string("\x01\x02"));
}

TEST_F(ApiTest, ErrorsOfTheWorldAre500) {
  replicator_.SetCheckStatus(UnavailableError("connection refused"));
  EXPECT_EQ(CreateError(Data(kC), 500), "fail to connect the milvus: connection refused");
  replicator_.SetCheckStatus(OkStatus());
  replicator_.SetStartStatus("", InternalError("boom"));
  EXPECT_EQ(CreateError(Data(kC), 500), "fail to start task, err: boom");
  replicator_.SetStartStatus("", OkStatus());
  store_.FailWith(UnavailableError("disk full"));
  EXPECT_EQ(CreateError(Data(kC), 500), "fail to put the task info to etcd: disk full");
  store_.FailWith(OkStatus());
  replicator_.SetPrepareStatus(FailedPreconditionError("position expired: x"));
  EXPECT_EQ(CreateError(Data(kC)), "position expired: x");
}

TEST_F(ApiTest, DuplicateAndUnknownTexts) {
  Ask("create", Data(kC));
  EXPECT_EQ(CreateError(Data(kC)),
            "the collection name is duplicate with existing task, [default.c]");
  EXPECT_EQ(Ask("pause", R"({"task_id":"abc"})"),
            "{\"code\":400,\"message\":\"fail to handle the pause request, error: not found the "
            "task, task_id: abc\"}\n");
  EXPECT_EQ(Ask("get", "{}"),
            "{\"code\":400,\"message\":\"fail to handle the get request, error: task_id is "
            "empty\"}\n");
  EXPECT_EQ(Ask("get", R"({"task_id":"abc"})"),
            "{\"code\":400,\"message\":\"fail to handle the get request, error: not found: "
            "[abc]\"}\n");
}

TEST_F(ApiTest, Maintenance) {
  const auto level = spdlog::get_level();
  const auto state = [this](const std::string& data) {
    const Json answer = AskJson("maintenance", data);
    EXPECT_EQ(answer.at("code"), 200);
    return answer.at("data").at("State").get<std::string>();
  };
  EXPECT_EQ(Ask("maintenance", R"({"operation":"set_log_level","params":{"log_level":"debug"}})"),
            "{\"code\":200,\"data\":{\"State\":\"set log level to debug\"}}\n");
  EXPECT_EQ(spdlog::get_level(), spdlog::level::debug);
  EXPECT_EQ(state(R"({"operation":"set_log_level"})"), "log_level is required");
  EXPECT_EQ(state(R"({"operation":"set_log_level","params":{"log_level":"loud"}})"),
            "parse log level failed: unrecognized level: \"loud\"");
  EXPECT_EQ(state(R"({"operation":"set_force_log_msg","params":{"force":"true"}})"),
            "set force log msg to true");
  EXPECT_EQ(state(R"({"operation":"set_force_log_msg"})"), "force is required");
  EXPECT_THAT(state(R"({"operation":"set_force_log_msg","params":{"force":3}})"),
              StartsWith("parse force failed: "));
  EXPECT_EQ(state(R"({"operation":"reset_log_msg","params":{"count":5,"duration":"7"}})"),
            "reset log msg count to 5, duration to 7");
  EXPECT_EQ(state(R"({"operation":"reset_log_msg"})"), "count is required");
  EXPECT_EQ(state(R"({"operation":"reset_log_msg","params":{"count":5}})"), "duration is required");
  EXPECT_EQ(state(R"({"operation":"x"})"), "unsupported operation: x");
  spdlog::set_level(level);
}

TEST_F(ApiTest, ACopyMayBeOfSomeRows) {
  TaskStatus status;
  status.snapshots = {
      {.collection = {"d", "c"}},
      {.collection = {"d", "e"}, .selection = {.partitions = {"q", "p"}, .filter = "price > 10"}}};
  replicator_.SetTaskStatus("t1", status);
  replicator_.SetCollections({{{"d", "e"}, {5}}});
  Ask("create", Data(R"("task_id":"t1",)" + kC));
  const std::string what = R"({"task_id":"t1","collections":["d.e"],)";
  EXPECT_EQ(AskJson("snapshot", what + R"("partitions":["p","q"],"filter":"price > 10"})")["code"],
            200);
  EXPECT_EQ(replicator_.changes("t1").at(0).copy_again.at({5}), status.snapshots[1].selection);
  const auto refusal = [&](const std::string& more) {
    return AskJson("snapshot", what + more + "}")["message"].get<std::string>();
  };
  EXPECT_THAT(refusal(R"("filter":" \n")"), HasSubstr("filter is blank"));
  EXPECT_THAT(refusal(R"("filter":3)"), HasSubstr("'filter'"));
  EXPECT_THAT(refusal(R"("cancel":true,"partitions":["p"])"), HasSubstr("leave out partitions"));
  const Json snapshots = AskJson("get", R"({"task_id":"t1"})")["data"]["task"]["snapshots"];
  EXPECT_EQ(snapshots[0]["partitions"], Json::array());
  EXPECT_EQ(snapshots[0]["filter"], "");
  EXPECT_EQ(snapshots[1]["partitions"], (Json{"p", "q"}));
  EXPECT_EQ(snapshots[1]["filter"], "price > 10");
}

TEST_F(ApiTest, Metrics) {
  TaskStatus status;
  status.lag_ms = 42;
  status.counts.collections[{450'541'344'162'316'901}] = {
      .name = "c", .rows = {.read = {.inserts = 4}, .written = {.inserts = 3, .deletes = 1}}};
  status.counts.collections[{8}].rows.read.inserts = 9;  // it is not known yet where they go
  status.counts.bytes["dml_0"] = {.read = {.inserts = 400}, .written = {.inserts = 300}};
  status.counts.bytes[""].written.upserts = 70;
  status.counts.calls = {{"CreateCollection", 1}, {"Insert", 2}};
  status.counts.errors = 6;
  status.target_ticks = {{"dml_7", Timestamp::FromUnixMs(1'500)}};
  status.source_late_messages = 5;
  status.source_unknown_messages = 6;
  status.phase = TaskPhase::kSnapshot;
  status.snapshots = {{.collection = {"d", "c"},
                       .rows = 20,
                       .total_rows = 60,
                       .rows_per_second = 8,
                       .bytes_per_second = 4096,
                       .seconds_left = 5}};
  status.channels = {{"dml_0", Timestamp::FromUnixMs(2'000), Timestamp::FromUnixMs(1'000), {}}};
  status.channels.front().silent_since_unix_ms = clock_.UnixMs() - 250;
  replicator_.SetTaskStatus("t1", status);
  Ask("create", Data(R"("task_id":"t1",)" + kC));
  Ask("pause", R"({"task_id":"nobody"})");
  api_.Handle("x");
  api_.WrongMethod();
  std::string text = metrics_.Scrape();
  for (const char* line :
       {"milvus_cdc_build_info{version=\"1.2.3\"} 1\n",
        "milvus_cdc_source_queue_seconds 120\n",
        "milvus_cdc_task_num{task_state=\"Initial\"} 0\n",
        "milvus_cdc_task_num{task_state=\"Running\"} 1\n",
        "milvus_cdc_task_num{task_state=\"Paused\"} 0\n",
        "milvus_cdc_task_state{task_id=\"t1\"} 1\n",
        "milvus_cdc_replicate_lag_ms{task_id=\"t1\"} 42\n",
        "milvus_cdc_replicate_tt{task_id=\"t1\",vchannel_name=\"dml_0\",op_type=\"read\"} 2000\n",
        "milvus_cdc_replicate_tt{task_id=\"t1\",vchannel_name=\"dml_0\",op_type=\"write\"} 1000\n",
        "milvus_cdc_replicate_data_cnt{task_id=\"t1\",collection_id=\"450541344162316901\","
        "collection_name=\"c\",op_type=\"read\",api_type=\"insert\"} 4\n",
        "milvus_cdc_replicate_data_cnt{task_id=\"t1\",collection_id=\"450541344162316901\","
        "collection_name=\"c\",op_type=\"write\",api_type=\"delete\"} 1\n",
        "milvus_cdc_replicate_data_size{task_id=\"t1\",vchannel_name=\"dml_0\",op_type=\"read\","
        "msg_type=\"Insert\"} 400\n",
        "milvus_cdc_replicate_data_size{task_id=\"t1\",vchannel_name=\"snapshot\","
        "op_type=\"write\",msg_type=\"Upsert\"} 70\n",
        "milvus_cdc_api_execute_total{task_id=\"t1\",api_type=\"CreateCollection\"} 1\n",
        "milvus_cdc_center_tt{channel_name=\"dml_7\"} 1500\n",
        "milvus_cdc_task_errors_total{task_id=\"t1\"} 6\n",
        "milvus_cdc_task_condition{task_id=\"t1\",condition=\"ok\"} 1\n",
        "milvus_cdc_task_condition{task_id=\"t1\",condition=\"retrying\"} 0\n",
        "milvus_cdc_source_late_messages{task_id=\"t1\"} 5\n",
        "milvus_cdc_source_unknown_messages{task_id=\"t1\"} 6\n",
        "milvus_cdc_snapshot_rows_copied{task_id=\"t1\",collection=\"d.c\"} 20\n",
        "milvus_cdc_snapshot_rows_stored{task_id=\"t1\",collection=\"d.c\"} 60\n",
        "milvus_cdc_snapshot_rows_per_second{task_id=\"t1\",collection=\"d.c\"} 8\n",
        "milvus_cdc_snapshot_bytes_per_second{task_id=\"t1\",collection=\"d.c\"} 4096\n",
        "milvus_cdc_snapshot_seconds_left{task_id=\"t1\",collection=\"d.c\"} 5\n",
        "milvus_cdc_task_phase{task_id=\"t1\",phase=\"snapshot\"} 1\n",
        "milvus_cdc_task_phase{task_id=\"t1\",phase=\"streaming\"} 0\n",
        "milvus_cdc_replicate_tick_age_ms{task_id=\"t1\",vchannel_name=\"dml_0\"} 250\n",
        "milvus_cdc_request_total{request_status=\"total\",request_type=\"pause\"} 1\n",
        "milvus_cdc_request_total{request_status=\"success\",request_type=\"create\"} 1\n",
        "milvus_cdc_request_total{request_status=\"unmarshal_error\",request_type=\"unknown\"} 1\n",
        "milvus_cdc_request_total{request_status=\"invalid_method\",request_type=\"unknown\"} 1\n",
        "milvus_cdc_request_latency_bucket{request_type=\"create\",le=\"128\"} "}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_THAT(text, Not(HasSubstr("request_status=\"success\",request_type=\"pause\"")));
  EXPECT_THAT(text, Not(HasSubstr("collection_id=\"8\"")));
  Ask("delete", R"({"task_id":"t1"})");
  text = metrics_.Scrape();
  EXPECT_THAT(text, HasSubstr("milvus_cdc_task_state{task_id=\"t1\"} -1\n"));
  EXPECT_THAT(text, Not(HasSubstr("replicate_lag_ms{task_id=\"t1\"")));
  EXPECT_THAT(metrics_.ScrapeProcess(), HasSubstr("process_resident_memory_bytes "));
}

TEST_F(ApiTest, MetricsOfAPausedTaskStay) {
  TaskStatus status;
  status.counts.calls = {{"Insert", 2}};
  status.channels = {{"dml_0", Timestamp::FromUnixMs(9), Timestamp::FromUnixMs(8), {}}};
  replicator_.SetTaskStatus("t1", status);
  Ask("create", Data(R"("task_id":"t1",)" + kC));
  ASSERT_TRUE(
      store_.SaveCheckpoints("t1", {{"dml_0", MsgId{"id"}, Timestamp::FromUnixMs(7), {}}}).ok());
  Ask("pause", R"({"task_id":"t1"})");
  const std::string text = metrics_.Scrape();
  for (const char* line :
       {"milvus_cdc_replicate_tt{task_id=\"t1\",vchannel_name=\"dml_0\",op_type=\"write\"} 7\n",
        "milvus_cdc_api_execute_total{task_id=\"t1\",api_type=\"Insert\"} 2\n",
        "milvus_cdc_task_condition{task_id=\"t1\",condition=\"paused\"} 1\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST_F(ApiTest, AnIncompleteDialConfigHasNoEffect) {
  const auto tls_of = [this](const std::string& id, const std::string& target) {
    Ask("create", Data(R"("task_id":")" + id + R"(",)" + kC, Param(target)));
    return replicator_.last_started(id).target.tls;
  };
  EXPECT_TRUE(tls_of("a", R"("uri":"https://h:1","dial_config":{"ca_pem_path":"s"})").empty());
  EXPECT_TRUE(tls_of("b", R"("uri":"http://h:2","dial_config":{"server_pem_path":"s"})").empty());
  EXPECT_EQ(
      tls_of("c", R"("uri":"https://h:3","dial_config":{"server_pem_path":"s"})").authority_path,
      "s");
}

TEST_F(ApiTest, PositionsAndWhatElseHasNoEffectAreKept) {
  EXPECT_EQ(
      CreateError(Data(R"("collection_infos":[{"name":"c","positions":{"a_5v0":"?"}}])"), 500),
      "fail to decode the position data: it is not base64, channel a_5v0");
  EXPECT_EQ(CreateError(Data(kC + R"(,"rpc_channel_info":{"position":"?"})"), 500),
            "fail to decode the rpc position data: it is not base64");
  EXPECT_EQ(CreateError(Data(R"("collection_infos":[{"name":"c","positions":{"a_5vx":"AQI="}}])")),
            "the vchannel is invalid, a_5vx, err: it does not end in <collection id>v<number>");
  EXPECT_EQ(CreateError(Data(R"("collection_infos":[{"name":"c","positions":)"
                             R"({"dml_0_5v0":"AQI=","dml_1_6v0":"AQI="}}])")),
            "the channel position info should be in the same collection");
  Ask("create", Data(R"("task_id":"t1","collection_infos":[{"name":"c","positions":)"
                     R"({"dml_0_5v0":"AQI="}}],"rpc_channel_info":{"name":"by-dev-replicate-msg",)"
                     R"("position":"AwQ="},"buffer_config":{"period":3,"size":4})"));
  EXPECT_EQ(replicator_.last_started("t1").rpc_channel_position, "AwQ=");
  const Json task = AskJson("get", R"({"task_id":"t1"})")["data"]["task"];
  EXPECT_EQ(task["collection_infos"][0]["positions"], (Json{{"dml_0_5v0", "AQI="}}));
  EXPECT_EQ(task["rpc_channel_info"],
            (Json{{"name", "by-dev-replicate-msg"}, {"position", "AwQ="}}));
  EXPECT_EQ(task["buffer_config"], (Json{{"period", 3}, {"size", 4}}));
}

TEST_F(ApiTest, ADrainIsBegunShownAndCancelled) {
  Ask("create",
      R"({"task_id":"t1",)" + std::string(kTarget) + R"(,"collection_infos":[{"name":"c"}]})");
  replicator_.SetPresent(
      SourcePresent{.ts = Timestamp::FromUnixMs(1000, 7), .catalog_revision = 9});
  replicator_.SetCatalogProgress({.revision = 8, .applied = true});
  const Json drain = AskJson("drain", R"({"task_id":"t1","timeout_ms":60000})")["data"]["drain"];
  EXPECT_EQ(drain["phase"], "waiting");
  EXPECT_EQ(drain["until_ts"], 262144007);
  EXPECT_EQ(drain["until_ms"], 1000);
  EXPECT_EQ(drain["catalog_revision"], 9);
  EXPECT_EQ(drain["ended"], nullptr);
  EXPECT_THAT(drain["missing"][0], HasSubstr("revision 8, it was at 9"));
  EXPECT_EQ(AskJson("get", R"({"task_id":"t1"})")["data"]["task"]["drain"]["phase"], "waiting");
  EXPECT_EQ(Ask("drain", R"({"task_id":"t1","cancel":true})"), "{\"code\":200}\n");
  EXPECT_EQ(AskJson("get", R"({"task_id":"t1"})")["data"]["task"]["drain"]["phase"], "cancelled");
  EXPECT_THAT(Ask("drain", R"({"task_id":"t1","cancel":true})"),
              AllOf(HasSubstr("\"code\":400"), HasSubstr("no drain to cancel")));
  EXPECT_THAT(Ask("drain", R"({"task_id":"t1","timeout_ms":-1})"),
              AllOf(HasSubstr("\"code\":400"), HasSubstr("timeout_ms is 0 to 86400000")));
  replicator_.SetPresent(UnavailableError("etcd is away"));
  EXPECT_THAT(Ask("drain", R"({"task_id":"t1"})"),
              AllOf(HasSubstr("\"code\":500"), HasSubstr("etcd is away")));
}

TEST_F(ApiTest, WhetherATaskIsSyncedUpToATime) {
  Ask("create",
      R"({"task_id":"t1",)" + std::string(kTarget) + R"(,"collection_infos":[{"name":"c"}]})");
  TaskStatus status;
  status.channels = {{.channel = "dml_0", .checkpoint = Timestamp::FromUnixMs(1'714'979'289'123)}};
  replicator_.SetTaskStatus("t1", status);
  replicator_.SetCatalogProgress({.revision = 8, .applied = true});
  const auto synced = [this](const std::string& at) {
    return AskJson("get", R"({"task_id":"t1","synced_at":)" + at + "}")["data"]["task"]["synced"];
  };
  EXPECT_EQ(synced("1714979289123")["synced"], true);
  EXPECT_EQ(synced("\"2024-05-06T07:08:09.123Z\"")["synced"], true);
  const Json later = synced("\"2024-05-06T07:08:09.124Z\"");
  EXPECT_EQ(later["synced"], false);
  EXPECT_EQ(later["time_ms"], 1'714'979'289'124);
  EXPECT_THAT(later["missing"][0], HasSubstr("channel dml_0 is on the target up to"));
  EXPECT_THAT(Ask("get", R"({"task_id":"t1","synced_at":"noon"})"),
              AllOf(HasSubstr("\"code\":400"), HasSubstr("RFC 3339")));
  EXPECT_THAT(Ask("get", R"({"task_id":"t1","synced_at":true})"), HasSubstr("\"code\":500"));
}

TEST_F(ApiTest, EventsOfATask) {
  Ask("create",
      R"({"task_id":"t1",)" + std::string(kTarget) + R"(,"collection_infos":[{"name":"c"}]})");
  const Json events = AskJson("events", R"({"task_id":"t1"})")["data"]["events"];
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0], (Json{{"number", 1},
                             {"time_ms", clock_.UnixMs()},
                             {"event", "created"},
                             {"text", "to http://10.0.0.2:19530"}}));
  EXPECT_EQ(events[1]["event"], "started");
  EXPECT_EQ(AskJson("events", R"({"task_id":"t1","after":1})")["data"]["events"].size(), 1U);
  EXPECT_EQ(Ask("events", R"({"task_id":"t1","after":2})"),
            "{\"code\":200,\"data\":{\"events\":[]}}\n");
  EXPECT_THAT(Ask("events", R"({"task_id":"t2"})"), HasSubstr("not found the task"));
}

TEST_F(ApiTest, APlanIsNoTask) {
  const std::string request =
      std::string("{") + kTarget + R"(,"plan":true,"collection_infos":[{"name":"c"}]})";
  const Json answer = AskJson("create", request);
  ASSERT_EQ(answer.at("code"), 200) << answer;
  const Json& plan = answer.at("data").at("plan");
  EXPECT_EQ(plan.at("can_start"), true);
  EXPECT_EQ(plan.at("summary").at("error"), 0);
  EXPECT_GT(plan.at("items").size(), 0U);
  EXPECT_EQ(AskJson("list", "{}").at("data").value("tasks", Json::array()).size(), 0U);
  replicator_.SetCheckStatus(UnavailableError("no route"));
  const Json without = AskJson("create", request);
  EXPECT_EQ(without.at("data").at("plan").at("can_start"), false);
  const Json item = without.at("data").at("plan").at("items").at(0);
  EXPECT_EQ(item.at("severity"), "error");
  EXPECT_EQ(item.at("area"), "target");
  EXPECT_EQ(item.at("finding"), "fail to connect the milvus: no route");
  EXPECT_THAT(item.at("cure").get<std::string>(), HasSubstr("address"));
  EXPECT_EQ(AskJson("create", R"({"plan":"yes"})").at("code"), 500);
}

}  // namespace
}  // namespace cdc
