// Requests below /api/v1 and their answers.
#include "api/rest/rest_api.h"

#include <algorithm>
#include <cctype>
#include <future>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "api/rest/openapi_document.h"
#include "base/testing/eventually.h"
#include "base/testing/fake_clock.h"
#include "control/testing/fake_replicator.h"
#include "metastore/testing/in_memory_meta_store.h"

namespace cdc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using Json = nlohmann::json;

const std::string kTarget =
    R"("milvus_connect_param":{"uri":"http://10.0.0.2:19530","token":"tok-secret"})";

// The body of a create that covers one collection.
std::string Body(const std::string& collection, const std::string& more = "") {
  return "{" + kTarget + R"(,"db_collections":{"db1":[{"name":")" + collection + R"("}]})" + more +
         "}";
}

class RestApiTest : public ::testing::Test {
 protected:
  RestApiTest()
      : tasks_({.store = &store_,
                .replicator = &replicator_,
                .max_tasks = 6,
                .threads = 2,
                .clock = &clock_}),
        metrics_(
            {.version = "1.2.3"}, [this] { return tasks_.List(); }, &clock_),
        api_({.tasks = &tasks_, .metrics = &metrics_, .version = "1.2.3", .clock = &clock_}) {
    EXPECT_TRUE(tasks_.Start().ok());
  }

  HttpAnswer Send(const std::string& method,
                  const std::string& target,
                  const std::string& body = "",
                  std::vector<HttpHeader> headers = {}) {
    const size_t query = target.find('?');
    HttpRequest request{.method = method,
                        .path = "/api/v1" + target.substr(0, query),
                        .query = query == std::string::npos ? "" : target.substr(query + 1),
                        .headers = std::move(headers),
                        .body = body};
    if (!body.empty() && request.HeaderOf("Content-Type").empty()) {
      request.headers.push_back({"Content-Type", "application/json"});
    }
    HttpAnswer answer = api_.Handle(request);
    CheckForm(answer);
    return answer;
  }

  HttpAnswer Get(const std::string& target, std::vector<HttpHeader> headers = {}) {
    return Send("GET", target, "", std::move(headers));
  }

  static std::string Header(const HttpAnswer& answer, const std::string& name) {
    return HttpRequest{.headers = answer.headers}.HeaderOf(name);
  }

  std::string Tag(const std::string& id) { return Header(Get("/tasks/" + id), "ETag"); }

  std::vector<std::string> Listed(const std::string& query) {
    const HttpAnswer answer = Get("/tasks?" + query);
    EXPECT_EQ(answer.status, 200) << answer.body;
    const Json page = Json::parse(answer.body);
    std::vector<std::string> ids;
    for (const Json& task : page.at("tasks")) {
      ids.push_back(task.at("task_id"));
    }
    return ids;
  }

  // What holds for each answer.
  static void CheckForm(const HttpAnswer& answer) {
    EXPECT_THAT(answer.body, Not(HasSubstr("tok-secret")));
    if (answer.status >= 400) {
      EXPECT_EQ(answer.content_type, "application/problem+json");
      const Json problem = Json::parse(answer.body);
      EXPECT_EQ(problem.at("status"), answer.status);
      EXPECT_THAT(problem.at("title").get<std::string>(), Not(IsEmpty()));
      EXPECT_THAT(problem.at("detail").get<std::string>(), Not(IsEmpty()));
    }
  }

  FakeClock clock_;
  InMemoryMetaStore store_;
  FakeReplicator replicator_;
  TaskManager tasks_;
  Metrics metrics_;
  RestApi api_;
};

TEST_F(RestApiTest, CreatesAndShowsATask) {
  const HttpAnswer created = Send("POST", "/tasks", Body("c", R"(,"task_id":"t1")"));
  EXPECT_EQ(created.status, 201) << created.body;
  EXPECT_EQ(Header(created, "Location"), "/api/v1/tasks/t1");
  const HttpAnswer shown = Get("/tasks/t1");
  EXPECT_EQ(shown.status, 200);
  EXPECT_EQ(shown.content_type, "application/json");
  EXPECT_EQ(shown.body, created.body);
  EXPECT_EQ(Header(shown, "ETag"), Header(created, "ETag"));
  const Json task = Json::parse(shown.body);
  EXPECT_EQ(task.at("task_id"), "t1");
  EXPECT_EQ(task.at("state"), "Running");
  EXPECT_EQ(Send("HEAD", "/tasks/t1").status, 200);

  const HttpAnswer without_id = Send("POST", "/tasks", Body("d"));
  EXPECT_EQ(without_id.status, 201);
  EXPECT_EQ(Header(without_id, "Location"),
            "/api/v1/tasks/" + Json::parse(without_id.body).at("task_id").get<std::string>());
}

// As for on_undecodable, a repeated request knows nothing of what a resume has set.
TEST_F(RestApiTest, PutDoesNotCompareTheEndOfATask) {
  const std::string with_end = Body("c", R"(,"stop_at":"2026-01-01T00:00:00Z")");
  ASSERT_EQ(Send("PUT", "/tasks/t1", with_end).status, 201);
  ASSERT_EQ(Send("POST", "/tasks/t1/pause").status, 200);
  ASSERT_EQ(Send("POST", "/tasks/t1/resume", R"({"stop_at":0})").status, 200);
  EXPECT_EQ(Send("PUT", "/tasks/t1", with_end).status, 200);
  EXPECT_FALSE(Json::parse(Get("/tasks/t1").body).contains("stop_at"));
}

TEST_F(RestApiTest, PutCreatesOnce) {
  EXPECT_EQ(Send("PUT", "/tasks/t1", Body("c")).status, 201);
  // Whatever has become of the target meanwhile.
  replicator_.SetCheckStatus(UnavailableError("no route"));
  EXPECT_EQ(Send("PUT", "/tasks/t1", Body("c")).status, 200);
  EXPECT_EQ(Send("PUT", "/tasks/t1", Body("c", R"(,"task_id":"t1")")).status, 200);
  EXPECT_EQ(Send("PUT", "/tasks/t1", Body("d")).status, 409);
  EXPECT_EQ(Send("PUT", "/tasks/t1", Body("c", R"(,"sync_load":false)")).status, 409);
  EXPECT_EQ(Send("PUT", "/tasks/t1", Body("c", R"(,"sink_mode":"api")")).status, 200);
  EXPECT_EQ(Send("PUT", "/tasks/t1", Body("c", R"(,"sink_mode":"replicate")")).status, 409);
  EXPECT_EQ(Send("PUT", "/tasks/t2", Body("d")).status, 503);
  EXPECT_EQ(Send("PUT", "/tasks/t2", Body("d"), {{"If-Match", "*"}}).status, 412);
  const HttpAnswer other = Send("PUT", "/tasks/t3", Body("d", R"(,"task_id":"t4")"));
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(Json::parse(other.body).at("errors").at(0).at("field"), "task_id");
  EXPECT_THAT(Listed(""), ElementsAre("t1"));
}

TEST_F(RestApiTest, WhatIsInTheWayIsAConflict) {
  Send("PUT", "/tasks/t1", Body("c"));
  const HttpAnswer again = Send("POST", "/tasks", Body("d", R"(,"task_id":"t1")"));
  EXPECT_EQ(again.status, 409);
  EXPECT_THAT(again.body, HasSubstr("PUT /api/v1/tasks/t1"));
  EXPECT_EQ(Send("POST", "/tasks", Body("c")).status, 409) << "the collection has a task";
  EXPECT_EQ(Send("POST", "/tasks/t1/resume").status, 409);
  EXPECT_EQ(Send("POST", "/tasks/t1/pause").status, 200);
  EXPECT_EQ(Send("POST", "/tasks/t1/pause").status, 409);
  for (const char* name : {"d", "e", "f", "g", "h"}) {
    EXPECT_EQ(Send("POST", "/tasks", Body(name)).status, 201);
  }
  EXPECT_EQ(Send("POST", "/tasks", Body("i")).status, 409) << "the limit";
}

TEST_F(RestApiTest, ErrorsNameTheField) {
  const auto fields = [this](const std::string& body) {
    const HttpAnswer answer = Send("POST", "/tasks", body);
    EXPECT_EQ(answer.status, 422) << body << answer.body;
    const Json problem = Json::parse(answer.body);
    std::vector<std::string> names;
    for (const Json& error : problem.at("errors")) {
      names.push_back(error.at("field"));
      EXPECT_THAT(error.at("message").get<std::string>(), Not(IsEmpty()));
    }
    return names;
  };
  EXPECT_THAT(fields(R"({"milvus_connect_param":{"port":"1","uri":null},"start_form":"earliest",
                         "db_collections":{"d":[{"nam":"c"},null]}})"),
              ElementsAre("milvus_connect_param.uri", "milvus_connect_param.port",
                          "db_collections[d][0].nam", "db_collections[d][1]", "start_form"));
  EXPECT_THAT(fields(R"({"milvus_connect_param":{"uri":"http://h:1","connect_timeout":1.5}})"),
              ElementsAre("milvus_connect_param.connect_timeout"));
  for (const char* port : {"-1", "65536"}) {
    EXPECT_THAT(
        fields(R"({"milvus_connect_param":{"uri":"http://h:1","port":)" + std::string(port) + "}}"),
        ElementsAre("milvus_connect_param.port"));
  }
  EXPECT_THAT(fields(R"({"Milvus_Connect_Param":{}})"), ElementsAre("Milvus_Connect_Param"));
  EXPECT_THAT(fields("{}"), ElementsAre("milvus_connect_param"));
  EXPECT_THAT(fields("{" + kTarget + "}"), ElementsAre("collection_infos"));
  EXPECT_THAT(fields(Body("a.b")), ElementsAre("db_collections"));
  EXPECT_THAT(fields(Body("a", R"(,"start_from":"now")")), ElementsAre("start_from"));
  EXPECT_THAT(fields(Body("a", R"(,"snapshot":{"log":"now"})")), ElementsAre("snapshot.log"));
  EXPECT_THAT(fields(Body("a", R"(,"task_id":"a/b")")), ElementsAre("task_id"));
  EXPECT_THAT(fields(Body("a", R"(,"task_id":"..")")), ElementsAre("task_id"));
  EXPECT_EQ(Send("PUT", "/tasks/a%2Fb", Body("a")).status, 422);
  EXPECT_THAT(Listed(""), IsEmpty());
}

TEST_F(RestApiTest, TagsChangeWithTheTask) {
  Send("PUT", "/tasks/t1", Body("c"));
  const std::string running = Tag("t1");
  EXPECT_THAT(running, StartsWith("\""));
  TaskStatus status;
  status.lag_ms = 5;
  replicator_.SetTaskStatus("t1", status);
  const std::string measured = Tag("t1");
  status.lag_ms = 7;
  replicator_.SetTaskStatus("t1", status);
  EXPECT_EQ(Tag("t1"), measured) << "a lag is not the task";
  status.condition = Condition::kRetrying;
  replicator_.SetTaskStatus("t1", status);
  EXPECT_NE(Tag("t1"), measured);

  const HttpAnswer unchanged = Get("/tasks/t1", {{"If-None-Match", "\"x\", W/" + Tag("t1")}});
  EXPECT_EQ(unchanged.status, 304);
  EXPECT_EQ(Header(unchanged, "ETag"), Tag("t1"));
  EXPECT_EQ(Get("/tasks/t1", {{"If-None-Match", measured}}).status, 200);

  const std::string before = Tag("t1");
  EXPECT_EQ(Send("POST", "/tasks/t1/pause", "", {{"If-Match", before}}).status, 200);
  EXPECT_EQ(Send("POST", "/tasks/t1/resume", "", {{"If-Match", before}}).status, 412);
  EXPECT_EQ(Send("DELETE", "/tasks/t1", "", {{"If-Match", before}}).status, 412);
  EXPECT_EQ(Send("DELETE", "/tasks/t1", "", {{"If-Match", "*"}}).status, 204);
  EXPECT_EQ(Send("DELETE", "/tasks/t1").status, 404);
  EXPECT_EQ(Get("/tasks/t1").status, 404);
}

TEST_F(RestApiTest, ListsByFilter) {
  Send("PUT", "/tasks/a", Body("orders"));
  Send("PUT", "/tasks/b", Body("c2"));
  Send("PUT", "/tasks/c",
       R"({"milvus_connect_param":{"host":"h","port":1},"collection_infos":[{"name":"o*"}]})");
  Send("PUT", "/tasks/d",
       R"({"milvus_connect_param":{"host":"h","port":2},"db_collections":{"*":[{"name":"x"}]}})");
  Send("POST", "/tasks/b/pause");
  EXPECT_THAT(Listed(""), ElementsAre("a", "b", "c", "d"));
  EXPECT_THAT(Listed("state=Paused"), ElementsAre("b"));
  EXPECT_THAT(Listed("condition=paused"), ElementsAre("b"));
  EXPECT_THAT(Listed("state=Running&database=db1"), ElementsAre("a", "d"));
  EXPECT_THAT(Listed("database=default"), ElementsAre("c", "d"));
  EXPECT_THAT(Listed("target=http://h:1"), ElementsAre("c"));
  EXPECT_THAT(Listed("target=h:2"), ElementsAre("d"));
  EXPECT_THAT(Listed("target=h"), IsEmpty());
  EXPECT_THAT(Listed("q=ORDERS"), ElementsAre("a"));
  EXPECT_THAT(Listed("q=10.0.0.2"), ElementsAre("a", "b"));
  EXPECT_THAT(Listed("q=manually"), ElementsAre("b"));
  EXPECT_THAT(Listed("q=tok-secret"), IsEmpty());
}

TEST_F(RestApiTest, ListsPageByPage) {
  std::vector<std::string> expected;
  for (const char* id : {"a", "b", "c", "d", "e"}) {
    Send("PUT", std::string("/tasks/") + id, Body(id));
    expected.emplace_back(id);
  }
  std::vector<std::string> seen;
  std::string token;
  int pages = 0;
  do {
    const HttpAnswer answer = Get("/tasks?limit=2" + (token.empty() ? "" : "&page_token=" + token));
    ASSERT_EQ(answer.status, 200) << answer.body;
    const Json page = Json::parse(answer.body);
    EXPECT_LE(page.at("tasks").size(), 2U);
    for (const Json& task : page.at("tasks")) {
      seen.push_back(task.at("task_id"));
    }
    token = page.value("next_page_token", "");
    EXPECT_THAT(token, testing::MatchesRegex("[A-Za-z0-9_-]*"));
  } while (!token.empty() && ++pages < 10);
  EXPECT_EQ(seen, expected);
  EXPECT_THAT(Listed("limit=5"), testing::SizeIs(5));
}

TEST_F(RestApiTest, WrongParametersAreRefused) {
  for (const std::string query :
       {"state=running", "condition=no", "limit=0", "limit=1001", "limit=x", "limit=", "limit=-1",
        "page_token=x", "page_token=", "sort=a", "Q=1"}) {
    const HttpAnswer answer = Get("/tasks?" + query);
    EXPECT_EQ(answer.status, 400) << query << answer.body;
    EXPECT_EQ(Json::parse(answer.body).at("errors").at(0).at("field"),
              query.substr(0, query.find('=')));
  }
  EXPECT_EQ(Get("/tasks?q=%").status, 400);
  EXPECT_EQ(Get("/tasks?q=a&q=b").status, 400);
  EXPECT_EQ(Get("/tasks/%x").status, 400);
}

TEST_F(RestApiTest, ActionsChangeTheTask) {
  replicator_.SetCollections({{{"db1", "c"}, CollectionId{7}}});
  Send("PUT", "/tasks/t1", Body("c"));
  const HttpAnswer paused = Send("POST", "/tasks/t1/pause", "{}");
  EXPECT_EQ(Json::parse(paused.body).at("state"), "Paused");
  const HttpAnswer resumed = Send("POST", "/tasks/t1/resume", R"({"on_undecodable":"skip"})");
  EXPECT_EQ(resumed.status, 200) << resumed.body;
  EXPECT_EQ(Json::parse(resumed.body).at("on_undecodable"), "skip");
  EXPECT_EQ(Send("POST", "/tasks/t1/resume", R"({"on_undecodable":"no"})").status, 422);
  EXPECT_EQ(Send("POST", "/tasks/t1/resume", R"({"stop_at":"soon"})").status, 422);
  EXPECT_EQ(Send("POST", "/tasks/t1/resume", R"({"force":true})").status, 422);
  EXPECT_EQ(Send("POST", "/tasks/t1/resume", R"({"positions":{"c":{"dml_0_7v0":1}}})").status, 422);
  EXPECT_EQ(Send("POST", "/tasks/t1/pause", R"({"force":true})").status, 422);
  EXPECT_EQ(Send("POST", "/tasks/t1/set-aside", R"({"collections":["db1.c"]})").status, 200);
  EXPECT_EQ(Send("POST", "/tasks/t1/set-aside", R"({"collections":["nothing"]})").status, 404);
  EXPECT_EQ(Send("POST", "/tasks/t1/set-aside", R"({"collections":[]})").status, 422);
  EXPECT_EQ(Send("POST", "/tasks/t1/retry", R"({"collections":["db1.c"],"cancel":true})").status,
            422);
  EXPECT_EQ(Send("POST", "/tasks/no/pause").status, 404);
  EXPECT_EQ(Get("/tasks/no/positions").status, 404);
  EXPECT_EQ(Get("/tasks/t1/positions").body,
            "{\"positions\":[],\"last_rows\":[],\"target_last_rows\":[]}\n");
  EXPECT_EQ(Get("/tasks/no/events").status, 404);
  EXPECT_EQ(Get("/tasks/t1/events?after=-1").status, 400);
  const Json events = Json::parse(Get("/tasks/t1/events").body).at("events");
  ASSERT_GE(events.size(), 2U);
  EXPECT_EQ(events[0].at("event"), "created");
  EXPECT_EQ(events[1].at("event"), "started");
  const std::string last = std::to_string(events.back().at("number").get<int>());
  EXPECT_EQ(Get("/tasks/t1/events?after=" + last).body, "{\"events\":[]}\n");
}

TEST_F(RestApiTest, AResumeFromOtherPlacesSaysWhatTheyMean) {
  Send("PUT", "/tasks/t1", Body("c"));
  ASSERT_EQ(Send("POST", "/tasks/t1/pause").status, 200);
  replicator_.SetNotes(
      {{.collection = {"db1", "c"}, .what = ScopeNote::What::kMoved, .rows = "come again"}});
  const HttpAnswer refused =
      Send("POST", "/tasks/t1/resume", R"({"positions":{"db1.c":{"dml_0_7v0":"AQI="}}})");
  EXPECT_EQ(refused.status, 409) << refused.body;
  const HttpAnswer moved = Send("POST", "/tasks/t1/resume",
                                R"({"positions":{"db1.c":{"dml_0_7v0":"AQI="}},"force":true})");
  ASSERT_EQ(moved.status, 200) << moved.body;
  EXPECT_EQ(Json::parse(moved.body).at("changes"),
            Json::parse(R"([{"collection":"db1.c","what":"moved","rows":"come again"}])"));
  EXPECT_EQ(Json::parse(moved.body).at("state"), "Running");
}

TEST_F(RestApiTest, ATaskBeingCreatedHasNoEventsYet) {
  replicator_.CorkPreparations();
  std::jthread create([this] { Send("PUT", "/tasks/t1", Body("c")); });
  EXPECT_TRUE(Eventually([this] { return replicator_.hanging() == 1; }));
  EXPECT_EQ(Get("/tasks/t1").status, 404);
  EXPECT_EQ(Get("/tasks/t1/events").status, 404);
  replicator_.UncorkPreparations();
  create.join();
  EXPECT_EQ(Get("/tasks/t1/events").status, 200);
}

TEST_F(RestApiTest, ACopyIsAccepted) {
  replicator_.SetCollections({{{"db1", "c"}, CollectionId{7}}});
  Send("PUT", "/tasks/t1", Body("c"));
  EXPECT_EQ(Send("POST", "/tasks/t1/snapshot",
                 R"({"collections":["db1.c"],"partitions":["p"],"filter":"id > 1"})")
                .status,
            202);
  ASSERT_THAT(replicator_.changes("t1"), testing::SizeIs(1));
  EXPECT_EQ(
      Send("POST", "/tasks/t1/snapshot", R"({"collections":["db1.c"],"filter":"a","cancel":true})")
          .status,
      422);
  EXPECT_EQ(Send("POST", "/tasks/t1/snapshot", R"({"collections":["db1.c"],"cancel":true})").status,
            200);
}

TEST_F(RestApiTest, ADrainIsAcceptedShownAndCancelled) {
  Send("PUT", "/tasks/t1", Body("c"));
  replicator_.SetPresent(
      SourcePresent{.ts = Timestamp::FromUnixMs(1000, 7), .catalog_revision = 9});
  replicator_.SetCatalogProgress({.revision = 8, .applied = true});
  const std::string before = Tag("t1");
  const HttpAnswer begun = Send("POST", "/tasks/t1/drain", R"({"timeout_ms":60000})");
  EXPECT_EQ(begun.status, 202) << begun.body;
  EXPECT_EQ(Json::parse(begun.body).at("drain").at("phase"), "waiting");
  EXPECT_EQ(Json::parse(Get("/tasks/t1").body).at("drain").at("until_ms"), 1000);
  EXPECT_NE(Tag("t1"), before);
  EXPECT_EQ(Send("POST", "/tasks/t1/drain").status, 202) << "once more";
  const HttpAnswer cancelled = Send("POST", "/tasks/t1/drain", R"({"cancel":true})");
  EXPECT_EQ(cancelled.status, 200) << cancelled.body;
  EXPECT_EQ(Json::parse(cancelled.body).at("drain").at("phase"), "cancelled");
  EXPECT_EQ(Send("POST", "/tasks/t1/drain", R"({"cancel":true})").status, 409);
  EXPECT_EQ(Send("POST", "/tasks/t1/drain", R"({"timeout_ms":-1})").status, 422);
  EXPECT_EQ(Send("POST", "/tasks/t1/drain", R"({"timeout":1})").status, 422);
  EXPECT_EQ(Send("POST", "/tasks/no/drain").status, 404);
  replicator_.SetPresent(UnavailableError("etcd is away"));
  EXPECT_EQ(Send("POST", "/tasks/t1/drain").status, 503);
}

TEST_F(RestApiTest, WhetherATaskIsSyncedUpToATime) {
  Send("PUT", "/tasks/t1", Body("c"));
  TaskStatus status;
  status.channels = {{.channel = "dml_0", .checkpoint = Timestamp::FromUnixMs(1'714'979'289'123)}};
  replicator_.SetTaskStatus("t1", status);
  replicator_.SetCatalogProgress({.revision = 8, .applied = true});
  const auto synced = [this](const std::string& time) {
    const HttpAnswer answer = Get("/tasks/t1?synced_at=" + time, {{"If-None-Match", Tag("t1")}});
    EXPECT_EQ(answer.status, 200) << answer.body;
    return Json::parse(answer.body).at("synced");
  };
  EXPECT_EQ(synced("1714979289123").at("synced"), true);
  EXPECT_EQ(synced("2024-05-06T07:08:09.123Z").at("missing"), Json::array());
  EXPECT_EQ(synced("1714979289124").at("synced"), false);
  EXPECT_EQ(Get("/tasks/t1?synced_at=noon").status, 400);
}

TEST_F(RestApiTest, ThePresentOfTheSource) {
  Send("PUT", "/tasks/t1", Body("c"));
  EXPECT_FALSE(Json::parse(Get("/tasks/t1").body).contains("present"));
  EXPECT_FALSE(Json::parse(Get("/tasks/t1?present=false").body).contains("present"));
  EXPECT_TRUE(Json::parse(Get("/tasks/t1?present=true").body).contains("present"));
  EXPECT_EQ(Get("/tasks/t1?present=1").status, 400);
}

TEST_F(RestApiTest, MethodsPathsAndTypesThatAreNotKnown) {
  const HttpAnswer method = Send("PATCH", "/tasks", "{}");
  EXPECT_EQ(method.status, 405);
  EXPECT_EQ(Header(method, "Allow"), "GET, HEAD, POST");
  EXPECT_EQ(Header(Send("GET", "/tasks/t1/pause"), "Allow"), "POST");
  EXPECT_EQ(Header(Send("POST", "/tasks/t1", "{}"), "Allow"), "GET, HEAD, PUT, PATCH, DELETE");
  for (const char* path : {"", "/", "/task", "/tasks/", "/tasks//pause", "/tasks/a/b/c",
                           "/tasks/a/pause/", "/tasks/a/stop", "/tasks/a%2Fpause/x"}) {
    EXPECT_EQ(Get(path).status, 404) << path;
  }
  EXPECT_EQ(Get("/tasks/a%2Fpause").status, 404) << "an id";
  EXPECT_THAT(Get("/tasks/a%2Fpause").body, HasSubstr("a/pause"));
  EXPECT_EQ(Send("POST", "/tasks", Body("c"), {{"Content-Type", "text/plain"}}).status, 415);
  EXPECT_EQ(Get("/tasks", {{"Accept", "text/html"}}).status, 406);
  EXPECT_EQ(Send("POST", "/tasks", "{").status, 400);
  EXPECT_EQ(Send("POST", "/tasks", std::string(100, '[')).status, 400);
  EXPECT_EQ(Send("POST", "/tasks", "[]").status, 422);
  EXPECT_EQ(Send("POST", "/tasks").status, 400);
}

TEST_F(RestApiTest, FailuresOfTheServerSayWhoseTheyAre) {
  replicator_.SetCheckStatus(UnavailableError("no route"));
  EXPECT_EQ(Send("POST", "/tasks", Body("c")).status, 503);
  for (const StatusCode code : {StatusCode::kUnauthenticated, StatusCode::kPermissionDenied}) {
    replicator_.SetCheckStatus(Status(code, "not you"));
    EXPECT_EQ(Send("POST", "/tasks", Body("c")).status, 422);
  }
  replicator_.SetCheckStatus(OkStatus());
  replicator_.SetPrepareStatus(InternalError("etcd"));
  EXPECT_EQ(Send("POST", "/tasks", Body("c")).status, 500);
}

TEST_F(RestApiTest, OnlyCreatesWaitForATarget) {
  const auto takes_long = [](const char* method, const char* path) {
    return RestApi::MayTakeLong({.method = method, .path = path});
  };
  EXPECT_TRUE(takes_long("POST", "/api/v1/tasks"));
  EXPECT_TRUE(takes_long("POST", "/api/v1/tasks:plan"));
  EXPECT_TRUE(takes_long("PUT", "/api/v1/tasks/a"));
  EXPECT_TRUE(takes_long("PATCH", "/api/v1/tasks/a"));
  // Whatever the client has encoded.
  EXPECT_TRUE(takes_long("POST", "/api/v1/tasks%3Aplan"));
  EXPECT_TRUE(takes_long("POST", "/api/v1/%74asks"));
  EXPECT_FALSE(takes_long("PUT", "/api/v1/tasks/%zz"));
  EXPECT_FALSE(takes_long("PUT", "/api/v1/version"));
  EXPECT_FALSE(takes_long("GET", "/api/v1/tasks"));
  EXPECT_FALSE(takes_long("POST", "/api/v1/tasks/a/pause"));
}

TEST_F(RestApiTest, VersionAndDescription) {
  EXPECT_EQ(Get("/version").body, "{\"version\":\"1.2.3\"}\n");
  const HttpAnswer answer = Get("/openapi.json");
  EXPECT_EQ(answer.content_type, "application/json");
  EXPECT_EQ(answer.body, OpenApiDocument());
}

// The description and the table of operations have the same paths and methods.
TEST_F(RestApiTest, DescribesWhatThereIs) {
  const Json document = Json::parse(OpenApiDocument());
  ASSERT_TRUE(document.contains("paths"));
  for (const auto& [path, item] : document.at("paths").items()) {
    std::string example = path;
    if (const size_t id = example.find("{task_id}"); id != std::string::npos) {
      example.replace(id, 9, "t1");
    }
    ASSERT_THAT(example, StartsWith("/api/v1/"));
    const HttpAnswer answer = Send("TRACE", example.substr(7));
    ASSERT_EQ(answer.status, 405) << path;
    std::string methods;
    for (const char* method : {"get", "post", "put", "patch", "delete"}) {
      std::string name = method;
      std::transform(name.begin(), name.end(), name.begin(), ::toupper);
      if (item.contains(method)) {
        methods += (methods.empty() ? "" : ", ") + name + (name == "GET" ? ", HEAD" : "");
      }
    }
    EXPECT_EQ(Header(answer, "Allow"), methods) << path;
  }
}

TEST_F(RestApiTest, EveryRefusalOfTheServerHasItsTitle) {
  const HttpRoute route = RestRoute(&api_);
  std::set<std::string> titles;
  for (const int status : {400, 401, 403, 408, 413, 414, 417, 431, 500, 501, 503}) {
    const HttpAnswer answer = route.refuse(status, "why");
    CheckForm(answer);
    EXPECT_EQ(answer.status, status);
    EXPECT_TRUE(titles.insert(Json::parse(answer.body).at("title").get<std::string>()).second)
        << status;
  }
}

TEST_F(RestApiTest, APlanIsNoTask) {
  const HttpAnswer planned = Send("POST", "/tasks:plan", Body("c"));
  ASSERT_EQ(planned.status, 200) << planned.body;
  EXPECT_EQ(Json::parse(planned.body).at("can_start"), true);
  EXPECT_THAT(Listed(""), IsEmpty());
  replicator_.SetCheckStatus(UnavailableError("no route"));
  const HttpAnswer unreachable = Send("POST", "/tasks:plan", Body("c"));
  ASSERT_EQ(unreachable.status, 200);
  EXPECT_EQ(Json::parse(unreachable.body).at("summary").at("error"), 1);
  EXPECT_EQ(Send("POST", "/tasks:plan", Body("c", R"(,"plan":true)")).status, 422);
  EXPECT_EQ(Send("GET", "/tasks:plan").status, 405);
}

TEST_F(RestApiTest, APatchGivesATaskOtherCredentialsAndKeepsTheRest) {
  replicator_.SetIdentity("milvus-1");
  ASSERT_EQ(Send("PUT", "/tasks/t", Body("c")).status, 201);
  const HttpAnswer changed =
      Send("PATCH", "/tasks/t", R"({"milvus_connect_param":{"token":"u:new"}})",
           {{"Content-Type", "application/merge-patch+json"}});
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_THAT(changed.body, Not(HasSubstr("u:new")));
  EXPECT_TRUE(Eventually([&] { return replicator_.starts("t") == 2; }));
  const TaskSpec spec = replicator_.last_started("t");
  EXPECT_EQ(spec.target.ResolvedToken(), "u:new");
  EXPECT_EQ(spec.target.ResolvedUri(), "http://10.0.0.2:19530");
  EXPECT_EQ((*store_.ListTasks())[0].spec.target.token, "u:new");
  EXPECT_EQ((*store_.ListTasks())[0].state, TaskState::kRunning);
  // Another way to say who one is replaces the first.
  ASSERT_EQ(Send("PATCH", "/tasks/t", R"({"milvus_connect_param":{"username":"v","password":"w"}})")
                .status,
            200);
  EXPECT_EQ((*store_.ListTasks())[0].spec.target.ResolvedToken(), "v:w");
  EXPECT_EQ(Send("PATCH", "/tasks/t", "{}").status, 200);
}

TEST_F(RestApiTest, APatchOfAPausedTaskLeavesItPaused) {
  replicator_.SetIdentity("milvus-1");
  ASSERT_EQ(Send("PUT", "/tasks/t", Body("c")).status, 201);
  ASSERT_EQ(Send("POST", "/tasks/t/pause").status, 200);
  ASSERT_EQ(Send("PATCH", "/tasks/t", R"({"milvus_connect_param":{"uri":"http://10.0.0.3:19530"}})")
                .status,
            200);
  EXPECT_EQ((*store_.ListTasks())[0].state, TaskState::kPaused);
  EXPECT_FALSE(replicator_.running("t"));
  ASSERT_EQ(Send("POST", "/tasks/t/resume").status, 200);
  EXPECT_EQ(replicator_.last_started("t").target.ResolvedUri(), "http://10.0.0.3:19530");
}

TEST_F(RestApiTest, APatchIsRefusedWithTheCure) {
  replicator_.SetIdentity("milvus-1");
  ASSERT_EQ(Send("PUT", "/tasks/t", Body("c")).status, 201);
  const std::string other = R"({"milvus_connect_param":{"uri":"http://10.0.0.9:19530"}})";
  const auto refused = [this](const std::string& patch, int status, const std::string& text) {
    const HttpAnswer answer = Send("PATCH", "/tasks/t", patch);
    EXPECT_EQ(answer.status, status) << answer.body;
    EXPECT_THAT(answer.body, HasSubstr(text));
  };
  refused(R"({"sync_index":false})", 422, "create a new task with it");
  refused(R"({"exclude":["db1.b"]})", 422, "db1.b");  // which the task does not cover
  refused(R"({"on_expired":"snapshot"})", 409, "pause it first");
  refused(R"({"on_undecodable":"skip"})", 422, "resume the task with it");
  refused(R"({"stop_at":0})", 422, "resume the task with it");
  refused(R"({"milvus_connect_param":null})", 422, "must be an object");
  refused(R"({"milvus_connect_param":{"tokn":"x"}})", 422, "is not known here");
  refused(R"({"milvus_connect_param":{"ignore_partition":true}})", 422, "cannot be changed");
  refused(R"({"milvus_connect_param":{"uri":null}})", 422, "address is empty");
  refused(R"({"milvus_connect_param":{"dial_config":{"server_pem_path":"/a"}}})", 422, "no effect");
  replicator_.SetIdentity("milvus-2");
  refused(other, 422, "another Milvus at this address");
  replicator_.SetIdentity("");
  refused(other, 422, "nothing proves that it is the same");
  replicator_.SetIdentity("milvus-1");
  replicator_.SetStandby(true);
  refused(other, 422, "is a standby");
  replicator_.SetStandby(false);
  replicator_.SetCheckStatus(Status(StatusCode::kUnauthenticated, "wrong password"));
  refused(other, 422, "wrong password");
  replicator_.SetCheckStatus(UnavailableError("no route"));
  refused(other, 503, "no route");
  // The task goes on as it was.
  EXPECT_EQ(replicator_.starts("t"), 1);
  EXPECT_TRUE(replicator_.running("t"));
  EXPECT_EQ((*store_.ListTasks())[0].spec.target.uri, "http://10.0.0.2:19530");
  EXPECT_EQ(Send("PATCH", "/tasks/none", other).status, 404);
  for (const std::string& patch : {other, std::string("{}")}) {
    EXPECT_EQ(Send("PATCH", "/tasks/t", patch, {{"If-Match", "\"old\""}}).status, 412) << patch;
  }
}

TEST_F(RestApiTest, OfTwoPatchesAtOnceTheSecondSeesTheFirst) {
  replicator_.SetIdentity("milvus-1");
  ASSERT_EQ(Send("PUT", "/tasks/t", Body("c")).status, 201);
  const std::string tag = Header(Send("GET", "/tasks/t"), "ETag");
  replicator_.CorkChecks();
  const auto patch = [&](const std::string& target, std::vector<HttpHeader> headers = {}) {
    return std::async(std::launch::async, [=, this] {
      return Send("PATCH", "/tasks/t", R"({"milvus_connect_param":)" + target + "}", headers)
          .status;
    });
  };
  auto first = patch(R"({"uri":"http://10.0.0.3:19530"})", {{"If-Match", tag}});
  ASSERT_TRUE(Eventually([&] { return replicator_.hanging() == 1; }));
  auto second = patch(R"({"token":"new-secret"})");
  auto third = patch(R"({"uri":"http://10.0.0.4:19530"})", {{"If-Match", tag}});
  replicator_.UncorkChecks();
  EXPECT_EQ(first.get(), 200);
  EXPECT_EQ(second.get(), 200);
  EXPECT_EQ(third.get(), 412);
  const TaskSpec spec = (*store_.ListTasks())[0].spec;
  EXPECT_EQ(spec.target.uri, "http://10.0.0.3:19530");
  EXPECT_EQ(spec.target.token, "new-secret");
}

TEST_F(RestApiTest, APatchOfAPausedTaskChangesWhatItCovers) {
  replicator_.SetStore(&store_);
  replicator_.SetNotes(
      {{.collection = {"db1", "d"}, .rows = "from latest"},
       {.collection = {"db1", "c"}, .what = ScopeNote::What::kRemoved, .rows = "kept"}});
  ASSERT_EQ(Send("PUT", "/tasks/t", Body("c", R"(,"on_expired":"stop")")).status, 201);
  ASSERT_EQ(Send("POST", "/tasks/t/pause").status, 200);
  const std::string tag = Header(Send("GET", "/tasks/t"), "ETag");
  const HttpAnswer changed = Send(
      "PATCH", "/tasks/t",
      R"({"db_collections":{"db1":[{"name":"d","start_from":"earliest"}]},"start_from":null,)"
      R"("name_mapping":[{"source_db":"db1","target_db":"db2","collection_mapping":{"d":"x"}}]})",
      {{"If-Match", tag}});
  ASSERT_EQ(changed.status, 200) << changed.body;
  const Json task = Json::parse(changed.body);
  EXPECT_EQ(task.at("changes"),
            Json::parse(R"([{"collection":"db1.d","what":"added","rows":"from latest"},
                            {"collection":"db1.c","what":"removed","rows":"kept"}])"));
  EXPECT_NE(Header(changed, "ETag"), tag);
  const TaskSpec spec = (*store_.ListTasks())[0].spec;
  ASSERT_EQ(spec.db_collections.at("db1").size(), 1U);
  EXPECT_EQ(spec.db_collections.at("db1")[0].name, "d");
  EXPECT_EQ(spec.db_collections.at("db1")[0].start_from, StartFrom::kEarliest);
  EXPECT_EQ(spec.name_mapping.at(0).target_database, "db2");
  EXPECT_EQ(spec.target.token, "tok-secret");
  // A create would refuse these, too.
  const auto status_of = [this](const std::string& patch) {
    return Send("PATCH", "/tasks/t", patch).status;
  };
  EXPECT_EQ(status_of(R"({"db_collections":{"db1":null}})"), 422);
  EXPECT_EQ(status_of(R"({"collection_infos":[{"nam":"x"}]})"), 422);
  EXPECT_EQ(status_of(R"({"start_from":"never"})"), 422);
  EXPECT_EQ(status_of(R"({"name_mapping":[{"source_db":"db9","target_db":"x"}]})"), 422);
  ASSERT_EQ(Send("PUT", "/tasks/u", Body("e")).status, 201);
  EXPECT_EQ(status_of(R"({"db_collections":{"db1":[{"name":"e"}]}})"), 409);
}

TEST_F(RestApiTest, APortBesideAUriIsNoObstacleToAPatch) {
  replicator_.SetStore(&store_);
  TaskSpec spec;
  spec.id = "t";
  spec.target.uri = "http://10.0.0.3:19530";
  spec.target.port = 70'000;  // POST /cdc takes it, since it counts for nothing
  spec.collection_infos = {{.name = "c"}};
  ASSERT_TRUE(tasks_.Create(spec).ok());
  ASSERT_EQ(Send("POST", "/tasks/t/pause").status, 200);
  for (const char* patch :
       {R"({"buffer_config":{"period":7}})", R"({"milvus_connect_param":{"token":"u:new"}})"}) {
    const HttpAnswer answer = Send("PATCH", "/tasks/t", patch);
    EXPECT_EQ(answer.status, 200) << answer.body;
  }
}

}  // namespace
}  // namespace cdc
