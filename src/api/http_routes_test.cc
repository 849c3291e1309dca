#include "api/http_routes.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <nlohmann/json.hpp>

#include "base/mutex.h"
#include "base/testing/eventually.h"
#include "control/testing/fake_replicator.h"
#include "http/http_server.h"
#include "http/testing/raw_client.h"
#include "metastore/testing/in_memory_meta_store.h"

namespace cdc {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::json;

constexpr const char* kList = R"({"request_type":"list"})";
constexpr const char* kForm = "application/x-www-form-urlencoded";

std::string RawPost(const std::string& body) {
  return "POST /cdc HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

std::string CreateBody(const std::string& id) {
  return R"({"request_type":"create","request_data":{"task_id":")" + id +
         R"(","milvus_connect_param":{"uri":"http://h:1"},"collection_infos":[{"name":")" + id +
         R"("}]}})";
}

class HttpRoutesTest : public ::testing::Test {
 protected:
  HttpRoutesTest()
      : tasks_({.store = &store_, .replicator = &replicator_, .threads = 2}),
        metrics_({.version = "1.2.3"}, [this] { return tasks_.List(); }),
        api_(&tasks_, &metrics_, {}) {
    EXPECT_TRUE(tasks_.Start().ok());
    Result<std::unique_ptr<HttpServer>> server =
        StartHttpServer({.address = "127.0.0.1:0",
                         .routes = HttpRoutes({.api = &api_,
                                               .metrics = &metrics_,
                                               .health = [this] { return health(); },
                                               .version = "1.2.3"}),
                         .limits = {.body_bytes = 10'000}});
    EXPECT_TRUE(server.ok()) << server.status().ToString();
    server_ = *std::move(server);
  }
  ~HttpRoutesTest() override { replicator_.UncorkChecks(); }

  httplib::Client Client() { return httplib::Client("127.0.0.1", server_->port()); }

  httplib::Response Post(const std::string& body, const char* type = "application/json") {
    httplib::Client client = Client();
    const httplib::Result result = client.Post("/cdc", body, type);
    EXPECT_TRUE(result) << httplib::to_string(result.error());
    return result ? *result : httplib::Response();
  }

  httplib::Response Get(const std::string& path) {
    httplib::Client client = Client();
    const httplib::Result result = client.Get(path);
    EXPECT_TRUE(result) << path << ": " << httplib::to_string(result.error());
    return result ? *result : httplib::Response();
  }

  Status health() {
    MutexLock lock(mutex_);
    return health_;
  }
  void SetHealth(Status status) {
    MutexLock lock(mutex_);
    health_ = std::move(status);
  }

  Mutex mutex_;
  Status health_ CDC_GUARDED_BY(mutex_);
  InMemoryMetaStore store_;
  FakeReplicator replicator_;
  TaskManager tasks_;
  Metrics metrics_;
  Api api_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpRoutesTest, StatusLineIs200AlsoForErrors) {
  const httplib::Response list = Post(kList);
  EXPECT_EQ(list.status, 200);
  EXPECT_EQ(list.body, "{\"code\":200,\"data\":{\"tasks\":[]}}\n");
  EXPECT_EQ(list.get_header_value("Content-Type"), "application/json");
  const httplib::Response error = Post("x");
  EXPECT_EQ(error.status, 200);
  EXPECT_EQ(Json::parse(error.body).at("code"), 500);
}

TEST_F(HttpRoutesTest, ContentTypeIsNotLookedAt) {
  for (const char* type : {"", "text/plain", kForm}) {
    EXPECT_EQ(Json::parse(Post(kList, type).body).at("code"), 200) << type;
  }
  // What curl sends without a header; longer than a form may be.
  const std::string padded = std::string(9'000, ' ') + kList;
  EXPECT_EQ(Json::parse(Post(padded, kForm).body).at("code"), 200);
}

TEST_F(HttpRoutesTest, OtherMethodsAreToldSo) {
  httplib::Client client = Client();
  std::vector<httplib::Result> results;
  results.push_back(client.Get("/cdc"));
  results.push_back(client.Put("/cdc", kList, "application/json"));
  results.push_back(client.Patch("/cdc", kList, "application/json"));
  results.push_back(client.Delete("/cdc"));
  results.push_back(client.Options("/cdc"));
  for (const httplib::Result& result : results) {
    ASSERT_TRUE(result);
    EXPECT_EQ(result->status, 200);
    EXPECT_EQ(result->body, "{\"code\":405,\"message\":\"only support the POST method\"}\n");
  }
}

TEST_F(HttpRoutesTest, RealStatuses) {
  Result<std::unique_ptr<HttpServer>> server = StartHttpServer(
      {.address = "127.0.0.1:0",
       .routes = HttpRoutes({.api = &api_, .metrics = &metrics_, .real_status = true})});
  ASSERT_TRUE(server.ok()) << server.status().ToString();
  httplib::Client client("127.0.0.1", (*server)->port());
  const auto post = [&client](const std::string& body) {
    return client.Post("/cdc", body, "application/json");
  };
  const std::pair<httplib::Result, int> cases[] = {
      {post(kList), 200},
      {post("x"), 500},
      {post(R"({"request_type":"get","request_data":{"task_id":"nobody"}})"), 400},
      {client.Get("/cdc"), 405}};
  for (const auto& [result, status] : cases) {
    ASSERT_TRUE(result);
    EXPECT_EQ(result->status, status) << result->body;
    EXPECT_EQ(Json::parse(result->body).at("code"), status);
  }
  EXPECT_EQ(cases[3].first->get_header_value("Allow"), "POST");
}

TEST_F(HttpRoutesTest, TooLargeABodyIsAnsweredAtOnce) {
  for (const std::string type : {"application/json", kForm}) {
    RawClient client(server_->port(), "POST /cdc HTTP/1.1\r\nHost: h\r\nContent-Type: " + type +
                                          "\r\nContent-Length: 8589934592\r\n\r\n");
    const RawAnswer answer = client.Read(std::chrono::milliseconds(8'000));
    EXPECT_EQ(answer.status, 413);
    EXPECT_EQ(answer.body,
              "{\"code\":500,\"message\":\"fail to read the request body, error: it is larger than "
              "10000 bytes\"}\n");
  }
}

TEST_F(HttpRoutesTest, StuckConnectionsHoldNoRequest) {
  std::vector<RawClient> stuck;
  for (int i = 0; i < 300; ++i) {
    stuck.emplace_back(server_->port(), "POST /cdc HTTP/1.1\r\n");
    stuck.emplace_back(server_->port(),
                       "POST /cdc HTTP/1.1\r\nHost: h\r\nContent-Length: 99\r\n\r\n{");
  }
  std::vector<std::chrono::steady_clock::duration> times;
  for (int i = 0; i < 10; ++i) {
    for (const std::string& request :
         {std::string("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"), RawPost(kList)}) {
      const auto begin = std::chrono::steady_clock::now();
      RawClient client(server_->port(), request);
      ASSERT_EQ(client.Read(std::chrono::milliseconds(8'000)).status, 200);
      times.push_back(std::chrono::steady_clock::now() - begin);
    }
  }
  // The others may be late on a busy machine.
  std::sort(times.begin(), times.end());
  EXPECT_LT(times[times.size() / 2], std::chrono::milliseconds(100));
}

TEST_F(HttpRoutesTest, TwoLengthsAreRefused) {
  RawClient client(
      server_->port(),
      "POST /cdc HTTP/1.1\r\nHost: h\r\nContent-Length: 23\r\nContent-Length: 5\r\n\r\n" +
          std::string(kList));
  EXPECT_EQ(client.Read().status, 400);
  EXPECT_TRUE(client.WaitForEnd());
}

TEST_F(HttpRoutesTest, ContinueIsSaid) {
  RawClient client(server_->port(),
                   "POST /cdc HTTP/1.1\r\nHost: h\r\nContent-Length: 23\r\n"
                   "Expect: 100-Continue\r\n\r\n");
  EXPECT_EQ(client.Read(std::chrono::milliseconds(8'000)).status, 100);
  client.Send(kList);
  EXPECT_EQ(client.Read().body, "{\"code\":200,\"data\":{\"tasks\":[]}}\n");
}

TEST_F(HttpRoutesTest, ThreeRequestsInOnePieceGetThreeAnswers) {
  RawClient client(server_->port(), RawPost(kList) + RawPost("x") + RawPost(kList));
  EXPECT_EQ(client.Read().body, "{\"code\":200,\"data\":{\"tasks\":[]}}\n");
  EXPECT_EQ(client.Read(std::chrono::milliseconds(8'000)).body,
            "{\"code\":500,\"message\":\"fail to unmarshal the request, error: invalid JSON at "
            "byte 1\"}\n");
  EXPECT_EQ(client.Read(std::chrono::milliseconds(8'000)).status, 200);
}

TEST_F(HttpRoutesTest, OtherPaths) {
  EXPECT_THAT(Get("/cdc/metrics").body, HasSubstr("milvus_cdc_task_num{task_state=\"Running\"} 0"));
  EXPECT_THAT(Get("/cdc/metrics").get_header_value("Content-Type"), StartsWith("text/plain"));
  EXPECT_THAT(Get("/cdc/metrics_default").body, HasSubstr("process_open_fds"));
  EXPECT_EQ(Get("/version").body, "{\"version\":\"1.2.3\"}\n");
  for (const char* path : {"/", "/cdc/", "/cdc/x", "/debug/pprof/", "/healthz/x"}) {
    const httplib::Response response = Get(path);
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(response.body, "404 page not found\n") << path;
  }
  httplib::Client client = Client();
  const httplib::Result posted = client.Post("/other", "x", "text/plain");
  ASSERT_TRUE(posted);
  EXPECT_EQ(posted->status, 404);
}

TEST_F(HttpRoutesTest, LiveAndReady) {
  for (const char* path : {"/healthz", "/readyz"}) {
    EXPECT_EQ(Get(path).status, 200) << path;
    EXPECT_EQ(Get(path).body, "{\"status\":\"ok\"}\n") << path;
  }
  SetHealth(UnavailableError("the source is not ready: \"etcd\""));
  for (const auto& [path, status] : {std::pair("/healthz", 200), std::pair("/readyz", 503)}) {
    const httplib::Response ill = Get(path);
    EXPECT_EQ(ill.status, status) << path;
    EXPECT_EQ(ill.get_header_value("Content-Type"), "application/json");
    EXPECT_EQ(Json::parse(ill.body),
              (Json{{"status", "unavailable"}, {"reason", "the source is not ready: \"etcd\""}}));
  }
}

TEST_F(HttpRoutesTest, AReasonIsOnlyForWhoMayKnowIt) {
  SetHealth(UnavailableError("the source is not ready: etcd of 10.0.0.7"));
  Result<std::unique_ptr<HttpServer>> server = StartHttpServer(
      {.address = "127.0.0.1:0",
       .routes =
           HttpRoutes({.api = &api_, .metrics = &metrics_, .health = [this] { return health(); }}),
       .tokens = {"secret"}});
  ASSERT_TRUE(server.ok()) << server.status().ToString();
  for (const auto& [path, status] : {std::pair("/healthz", 200), std::pair("/readyz", 503)}) {
    for (const char* token : {"", "wrong", "secret"}) {
      httplib::Client client("127.0.0.1", (*server)->port());
      client.set_bearer_token_auth(token);
      const httplib::Result result = client.Get(path);
      ASSERT_TRUE(result) << path;
      EXPECT_EQ(result->status, status) << path;
      EXPECT_EQ(result->body.find("10.0.0.7") != std::string::npos, token == std::string("secret"))
          << path << " " << token;
      EXPECT_EQ(Json::parse(result->body).at("status"), "unavailable") << path;
    }
  }
}

// More of them than there are threads.
TEST_F(HttpRoutesTest, HangingTargetsHoldOnlyTheirCreates) {
  constexpr int kCreates = 80;
  EXPECT_EQ(Json::parse(Post(CreateBody("old")).body).at("code"), 200);
  replicator_.CorkChecks();
  std::vector<RawClient> creates;
  for (int i = 0; i < kCreates; ++i) {
    creates.emplace_back(server_->port(), RawPost(CreateBody("t" + std::to_string(i))));
  }
  ASSERT_TRUE(Eventually([this] { return replicator_.hanging() >= 16; }));
  EXPECT_EQ(Json::parse(Post(kList).body).at("data").at("tasks").size(), 1U);
  EXPECT_EQ(Get("/healthz").status, 200);
  EXPECT_EQ(Get("/cdc/metrics").status, 200);
  for (const char* type : {"get", "pause", "delete"}) {
    const std::string body =
        R"({"request_type":")" + std::string(type) + R"(","request_data":{"task_id":"old"}})";
    EXPECT_EQ(Json::parse(Post(body).body).at("code"), 200) << type;
  }
  EXPECT_EQ(replicator_.hanging(), 16);
  replicator_.UncorkChecks();
  for (RawClient& client : creates) {
    EXPECT_EQ(Json::parse(client.Read().body).at("code"), 200);
  }
  EXPECT_EQ(Json::parse(Post(kList).body).at("data").at("tasks").size(), size_t{kCreates});
}

TEST_F(HttpRoutesTest, ManyClientsAtOnce) {
  std::vector<std::jthread> clients;
  for (int i = 0; i < 8; ++i) {
    clients.emplace_back([this, i] {
      const std::string id = "t" + std::to_string(i);
      for (int k = 0; k < 5; ++k) {
        EXPECT_EQ(Json::parse(Post(CreateBody(id)).body).at("code"), 200);
        EXPECT_EQ(Json::parse(Post(kList).body).at("code"), 200);
        EXPECT_EQ(
            Json::parse(
                Post(R"({"request_type":"delete","request_data":{"task_id":")" + id + "\"}}").body)
                .at("code"),
            200);
      }
    });
  }
  clients.clear();
  EXPECT_EQ(Json::parse(Post(kList).body).at("data").at("tasks").size(), 0U);
}

TEST_F(HttpRoutesTest, StopEndsListening) {
  const int port = server_->port();
  server_->Stop();
  server_->Stop();
  httplib::Client client("127.0.0.1", port);
  EXPECT_FALSE(client.Post("/cdc", kList, "application/json"));
}

TEST_F(HttpRoutesTest, WithATokenOnlyProbesAreOpen) {
  for (const bool open_metrics : {false, true}) {
    Result<std::unique_ptr<HttpServer>> server = StartHttpServer(
        {.address = "127.0.0.1:0",
         .routes = HttpRoutes(
             {.api = &api_, .metrics = &metrics_, .version = "1", .open_metrics = open_metrics}),
         .tokens = {"secret"}});
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    httplib::Client client("127.0.0.1", (*server)->port());
    const auto status = [&client](const std::string& path) {
      const httplib::Result result = client.Get(path);
      return result ? result->status : 0;
    };
    EXPECT_EQ(status("/healthz"), 200);
    EXPECT_EQ(status("/readyz"), 200);
    EXPECT_EQ(status("/version"), 401);
    EXPECT_EQ(status("/cdc"), 401);
    EXPECT_EQ(status("/cdc/metrics"), open_metrics ? 200 : 401);
    EXPECT_EQ(status("/cdc/metrics_default"), open_metrics ? 200 : 401);
    const httplib::Result refused = client.Post("/cdc", kList, "application/json");
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->status, 401);
    EXPECT_EQ(refused->get_header_value("WWW-Authenticate"), "Bearer");
    EXPECT_EQ(refused->get_header_value("Content-Type"), "application/json");
    EXPECT_EQ(Json::parse(refused->body).at("code"), 401);
    EXPECT_THAT(Json::parse(refused->body).at("message").get<std::string>(), HasSubstr("Bearer"));
    client.set_bearer_token_auth("secret");
    EXPECT_EQ(status("/version"), 200);
    EXPECT_EQ(client.Post("/cdc", kList, "application/json")->status, 200);
  }
}

}  // namespace
}  // namespace cdc
