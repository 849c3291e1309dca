#include "control/http_server.h"

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <nlohmann/json.hpp>

#include "control/testing/fake_replicator.h"
#include "metastore/testing/in_memory_meta_store.h"

namespace cdc {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::json;

constexpr const char* kList = R"({"request_type":"list"})";
constexpr const char* kForm = "application/x-www-form-urlencoded";

std::string CreateBody(const std::string& id) {
  return R"({"request_type":"create","request_data":{"task_id":")" + id +
         R"(","milvus_connect_param":{"uri":"http://h:1"},"collection_infos":[{"name":")" + id +
         R"("}]}})";
}

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServerTest()
      : tasks_({.store = &store_, .replicator = &replicator_, .threads = 2}),
        metrics_("1.2.3", [this] { return tasks_.List(); }),
        api_(&tasks_, &metrics_, {}) {
    EXPECT_TRUE(tasks_.Start().ok());
    Result<std::unique_ptr<HttpServer>> server =
        StartHttpServer({.address = "127.0.0.1:0",
                         .api = &api_,
                         .metrics = &metrics_,
                         .health = [this] { return health_; },
                         .version = "1.2.3",
                         .max_body_bytes = 10'000});
    EXPECT_TRUE(server.ok()) << server.status().ToString();
    server_ = *std::move(server);
  }
  ~HttpServerTest() override { replicator_.UncorkChecks(); }

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

  InMemoryMetaStore store_;
  FakeReplicator replicator_;
  Status health_;
  TaskManager tasks_;
  Metrics metrics_;
  Api api_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, StatusLineIs200AlsoForErrors) {
  const httplib::Response list = Post(kList);
  EXPECT_EQ(list.status, 200);
  EXPECT_EQ(list.body, "{\"code\":200,\"data\":{\"tasks\":[]}}\n");
  EXPECT_EQ(list.get_header_value("Content-Type"), "application/json");
  const httplib::Response error = Post("x");
  EXPECT_EQ(error.status, 200);
  EXPECT_EQ(Json::parse(error.body).at("code"), 500);
}

TEST_F(HttpServerTest, ContentTypeIsNotLookedAt) {
  for (const char* type : {"", "text/plain", kForm}) {
    EXPECT_EQ(Json::parse(Post(kList, type).body).at("code"), 200) << type;
  }
  // What curl sends without a header, and longer than a form may be.
  const std::string padded = std::string(9'000, ' ') + kList;
  EXPECT_EQ(Json::parse(Post(padded, kForm).body).at("code"), 200);
}

TEST_F(HttpServerTest, OtherMethodsAreToldSo) {
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

TEST_F(HttpServerTest, TooLargeABodyIsAnswered) {
  const std::string large(1'000'000, 'x');
  for (const char* type : {"application/json", kForm}) {
    const Json answer = Json::parse(Post(large, type).body);
    EXPECT_EQ(answer.at("code"), 500);
    EXPECT_EQ(answer.at("message"),
              "fail to read the request body, error: it is larger than 10000 bytes");
  }
  // The connection is still usable.
  httplib::Client client = Client();
  client.set_keep_alive(true);
  ASSERT_TRUE(client.Post("/cdc", large, "text/plain"));
  const httplib::Result next = client.Post("/cdc", kList, "text/plain");
  ASSERT_TRUE(next);
  EXPECT_EQ(Json::parse(next->body).at("code"), 200);
}

TEST_F(HttpServerTest, OtherPaths) {
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

TEST_F(HttpServerTest, Health) {
  EXPECT_EQ(Get("/healthz").status, 200);
  EXPECT_EQ(Get("/healthz").body, "{\"status\":\"ok\"}\n");
  health_ = UnavailableError("the source is not ready: \"etcd\"");
  const httplib::Response ill = Get("/healthz");
  EXPECT_EQ(ill.status, 503);
  EXPECT_EQ(Json::parse(ill.body).at("reason"), "the source is not ready: \"etcd\"");
}

TEST_F(HttpServerTest, HangingTargetsDoNotHoldAList) {
  constexpr int kHanging = 20;
  replicator_.CorkChecks();
  std::vector<std::jthread> creates;
  for (int i = 0; i < kHanging; ++i) {
    creates.emplace_back([this, i] {
      EXPECT_EQ(Json::parse(Post(CreateBody("t" + std::to_string(i))).body).at("code"), 200);
    });
  }
  ASSERT_TRUE(Eventually([this] { return replicator_.hanging() == kHanging; }));
  EXPECT_EQ(Json::parse(Post(kList).body).at("data").at("tasks").size(), 0U);
  EXPECT_EQ(Get("/healthz").status, 200);
  EXPECT_EQ(Get("/cdc/metrics").status, 200);
  replicator_.UncorkChecks();
  creates.clear();
  EXPECT_EQ(Json::parse(Post(kList).body).at("data").at("tasks").size(), size_t{kHanging});
}

TEST_F(HttpServerTest, ManyClientsAtOnce) {
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

TEST_F(HttpServerTest, StopEndsListening) {
  const int port = server_->port();
  server_->Stop();
  server_->Stop();
  httplib::Client client("127.0.0.1", port);
  EXPECT_FALSE(client.Post("/cdc", kList, "application/json"));
}

TEST_F(HttpServerTest, PortInUseAndBadAddresses) {
  const HttpServerOptions base{.address = "", .api = &api_, .metrics = &metrics_, .version = ""};
  const auto status_of = [&base](const std::string& address) {
    HttpServerOptions options = base;
    options.address = address;
    return StartHttpServer(std::move(options)).status();
  };
  const Status in_use = status_of("127.0.0.1:" + std::to_string(server_->port()));
  EXPECT_EQ(in_use.code(), StatusCode::kUnavailable);
  EXPECT_THAT(in_use.message(), HasSubstr(std::to_string(server_->port())));
  for (const char* address : {"", "8444", "h:", "h:x", "h:70000", "::1:80", "h:-1"}) {
    EXPECT_EQ(status_of(address).code(), StatusCode::kInvalidArgument) << address;
  }
  EXPECT_TRUE(status_of(":0").ok());
}

}  // namespace
}  // namespace cdc
