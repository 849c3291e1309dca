// Whatever clients send: each gets an answer or an end, and nobody else has to wait.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "api/http_routes.h"
#include "api/rest/rest_api.h"
#include "base/testing/eventually.h"
#include "control/testing/fake_replicator.h"
#include "http/http_server.h"
#include "http/testing/raw_client.h"
#include "metastore/testing/in_memory_meta_store.h"

namespace cdc {
namespace {

using ::testing::IsSupersetOf;

constexpr int kRequests = 10'000;
constexpr size_t kAtATime = 50;  // clients, each with one to three of them

// Makes requests that are valid, nearly valid, or nothing of the kind; the same ones for one seed.
class RequestMaker {
 public:
  explicit RequestMaker(unsigned seed) : random_(seed) {}

  // What one client sends on one connection.
  std::string Connection() {
    std::string bytes;
    for (size_t i = 0, count = 1 + Below(3); i < count; ++i) {
      bytes += Below(10) == 0 ? Garbage(Below(300)) : Request();
      ++requests_;
    }
    for (size_t i = 0, count = Below(4); i < count; ++i) {
      Mutate(&bytes);
    }
    return bytes;
  }

  int requests() const { return requests_; }

 private:
  size_t Below(size_t limit) {
    return std::uniform_int_distribution<size_t>(0, limit - 1)(random_);
  }

  template <size_t kCount>
  std::string_view OneOf(const char* const (&texts)[kCount]) {
    return texts[Below(kCount)];
  }

  std::string Garbage(size_t size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) {
      byte = static_cast<char>(Below(256));
    }
    return bytes;
  }

  std::string Request() {
    static constexpr const char* kHeads[] = {
        "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /cdc/metrics HTTP/1.0\r\n\r\n",
        "GET /version?a=b#c HTTP/1.1\r\nHost: h\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET http://h/readyz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        "GET /api/v1/openapi.json HTTP/1.1\r\nHost: h\r\nAccept: text/html\r\n\r\n",
        "PUT /cdc HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"};
    if (Below(4) == 0) {
      return std::string(OneOf(kHeads));
    }
    static constexpr const char* kTargets[] = {"POST /cdc",
                                               "POST /%63dc?x=%",
                                               "GET /api/v1/tasks?limit=x",
                                               "GET /api/v1/%74asks?page_token=%ff&q=%",
                                               "POST /api/v1/tasks",
                                               "PUT /api/v1/tasks/%00",
                                               "PATCH /api/v1/tasks/a%2f..",
                                               "DELETE /api/v1/tasks/%zz",
                                               "POST /api/v1/tasks/a/pause"};
    const std::string target(Below(2) == 0 ? "POST /cdc" : OneOf(kTargets));
    const std::string body = Body();
    return target + " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n" +
           (Below(3) == 0 ? Chunked(body) : Counted(body));
  }

  std::string Body() {
    static constexpr const char* kBodies[] = {
        R"({"request_type":"list"})",
        R"({"request_type":"get","request_data":{"task_id":"a"}})",
        R"({"request_type":"pause","request_data":{"task_id":7}})",
        R"({"request_type":"delete","request_data":[]})",
        R"({"request_type":"create","request_data":{"task_id":"a","milvus_connect_param":
           {"uri":"http://h:1","token":"u:p"},"collection_infos":[{"name":"c"}]}})",
        R"({"request_type":"create","request_data":{"milvus_connect_param":{"port":"x"}}})",
        R"({"request_type":"position","request_data":{"task_id":"a"}})",
        R"({"request_type":"maintenance","request_data":{"operation":"x","params":null}})",
        R"({"request_type":"snapshot","request_data":{"task_id":"a","collections":{"b":1}}})",
        R"({"request_type":null})",
        "\"\xc3\x28\"",
        "{\"request_type\":\"\xff\xfe\"}",
        R"({"request_type":"get","request_data":{"task_id":"\ud800"}})",
        "1e999",
        ""};
    if (Below(20) == 0) {
      return R"({"request_type":"get","request_data":)" + std::string(1 + Below(9'000), '[');
    }
    return std::string(OneOf(kBodies));
  }

  std::string Counted(const std::string& body) {
    size_t length = body.size();
    if (Below(8) == 0) {
      length = Below(2 * length + 2);
    }
    return "Content-Length: " + std::to_string(length) + "\r\n\r\n" + body;
  }

  std::string Chunked(const std::string& body) {
    static constexpr const char* kSizes[] = {"0", "-1", "fffffffffffffffff", "zz", "1;a=b", "3"};
    const size_t half = Below(body.size() + 1);
    std::string text = "Transfer-Encoding: chunked\r\n\r\n";
    for (const std::string& piece : {body.substr(0, half), body.substr(half)}) {
      if (!piece.empty()) {
        text += Below(10) == 0 ? std::string(OneOf(kSizes)) : Hex(piece.size());
        text += "\r\n" + piece + "\r\n";
      }
    }
    return text + "0\r\n" + (Below(8) == 0 ? "Trailer: x\r\n" : "") + "\r\n";
  }

  static std::string Hex(size_t number) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string text;
    do {
      text.insert(text.begin(), kDigits[number % 16]);
      number /= 16;
    } while (number > 0);
    return text;
  }

  void Mutate(std::string* bytes) {
    if (bytes->empty()) {
      return;
    }
    static constexpr const char* kInserted[] = {"\r\n",
                                                "\n",
                                                ":",
                                                " ",
                                                "Content-Length: 3\r\n",
                                                "Transfer-Encoding: gzip\r\n",
                                                "\xff",
                                                "Expect: 100-continue\r\n",
                                                "Host: other\r\n",
                                                " folded: x\r\n",
                                                "{",
                                                "\""};
    const size_t at = Below(bytes->size());
    switch (Below(7)) {
      case 0: bytes->resize(at); break;
      case 1: (*bytes)[at] = static_cast<char>(Below(256)); break;
      case 2: bytes->erase(at, 1 + Below(20)); break;
      case 3: bytes->insert(at, bytes->substr(at, 1 + Below(60))); break;
      case 4: bytes->insert(at, Garbage(1 + Below(8))); break;
      case 5: bytes->insert(at, OneOf(kInserted)); break;
      default: bytes->insert(at, "X: " + std::string(Below(20'000), 'x') + "\r\n");
    }
  }

  std::mt19937 random_;
  int requests_ = 0;
};

// What a failure shows: enough to see what it was.
std::string Shown(const std::string& bytes) {
  return nlohmann::json(bytes.substr(0, 2'000))
      .dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

class MalformedRequestsTest : public ::testing::Test {
 protected:
  MalformedRequestsTest()
      : tasks_({.store = &store_, .replicator = &replicator_, .max_tasks = 20, .threads = 1}),
        metrics_({.version = "1"}, [this] { return tasks_.List(); }),
        api_(&tasks_, &metrics_, {}),
        rest_({.tasks = &tasks_, .metrics = &metrics_}) {
    EXPECT_TRUE(tasks_.Start().ok());
  }

  void StartApi() {
    std::vector<HttpRoute> routes = HttpRoutes({.api = &api_, .metrics = &metrics_});
    routes.push_back(RestRoute(&rest_));
    Result<std::unique_ptr<HttpServer>> server =
        StartHttpServer({.address = "127.0.0.1:0", .routes = std::move(routes)});
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    server_ = *std::move(server);
  }

  // Sends what one client sends. It may end early: what follows a refusal is nobody's.
  RawClient Send(const std::string& bytes) const {
    RawClient client(server_->port());
    client.Send(bytes);
    client.EndSending();
    return client;
  }

  // Whether every request got a whole answer, or the connection an end: nothing hangs.
  bool IsHandled(RawClient client) {
    for (;;) {
      const RawAnswer answer = client.Read(kPatience);
      if (answer.status == 0) {
        return client.WaitForEnd(kPatience);
      }
      if (answer.status < 100 || answer.status > 599) {
        return false;
      }
      statuses_.insert(answer.status);
      const bool is_json = answer.head.find("json") != std::string::npos;
      if (is_json && !nlohmann::json::accept(answer.body)) {
        return false;
      }
    }
  }

  int HealthStatus() {
    RawClient client(server_->port(), kGetHealth);
    return client.Read(kPatience).status;
  }
  int ListStatus() {
    RawClient client(server_->port(), kPostList);
    const RawAnswer answer = client.Read(kPatience);
    return answer.status == 200 ? nlohmann::json::parse(answer.body).at("code").get<int>()
                                : answer.status;
  }

  static constexpr const char* kGetHealth = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n";
  static constexpr const char* kPostList =
      "POST /cdc HTTP/1.1\r\nHost: h\r\nContent-Length: 23\r\n\r\n{\"request_type\":\"list\"}";

  InMemoryMetaStore store_;
  FakeReplicator replicator_;
  TaskManager tasks_;
  Metrics metrics_;
  Api api_;
  RestApi rest_;
  std::unique_ptr<HttpServer> server_;
  std::set<int> statuses_;
};

// REQUEST_SEED=7 plays others.
TEST_F(MalformedRequestsTest, EachHasAnAnswerOrAnEnd) {
  StartApi();
  const char* const given = std::getenv("REQUEST_SEED");
  const unsigned seed = given == nullptr ? 1 : static_cast<unsigned>(std::atoi(given));
  std::printf("REQUEST_SEED=%u\n", seed);
  RequestMaker maker(seed);
  int number = 0;
  while (maker.requests() < kRequests) {
    std::vector<std::string> sent;
    std::vector<RawClient> clients;
    while (clients.size() < kAtATime) {
      sent.push_back(maker.Connection());
      clients.push_back(Send(sent.back()));
    }
    for (size_t i = 0; i < clients.size(); ++i, ++number) {
      ASSERT_TRUE(IsHandled(std::move(clients[i])))
          << "seed " << seed << ", connection " << number << ": " << Shown(sent[i]);
    }
    ASSERT_EQ(ListStatus(), 200) << "seed " << seed << ", before connection " << number;
  }
  // They were of all kinds.
  EXPECT_THAT(statuses_, IsSupersetOf({200, 400, 404, 405, 422, 431}));
  EXPECT_TRUE(Eventually([this] { return server_->connections() == 0; }));
  EXPECT_EQ(HealthStatus(), 200);
}

TEST_F(MalformedRequestsTest, UnfinishedOnesHoldNobodyUp) {
  StartApi();
  std::vector<RawClient> stuck;
  for (const char* begin :
       {"", "GET /he", "POST /cdc HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\n{",
        "POST /cdc HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"}) {
    for (int i = 0; i < 150; ++i) {
      stuck.emplace_back(server_->port(), begin);
    }
  }
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(HealthStatus(), 200);
    EXPECT_EQ(ListStatus(), 200);
  }
}

}  // namespace
}  // namespace cdc
