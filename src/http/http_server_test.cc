#include "http/http_server.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/mutex.h"
#include "base/testing/eventually.h"
#include "base/thread.h"
#include "http/testing/raw_client.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Clock = std::chrono::steady_clock;

constexpr milliseconds kSoon{100};
constexpr milliseconds kNoDeadline{8'000};  // shorter than any of the server's deadlines

std::string Get(const std::string& path) { return "GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n"; }

std::string Post(const std::string& path, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}

// A server with a path for each kind of answer.
class HttpServerTest : public ::testing::Test {
 protected:
  ~HttpServerTest() override { Uncork(); }

  HttpServerOptions Options() {
    const auto text = [](std::string body) { return HttpAnswer{.body = std::move(body)}; };
    HttpServerOptions options{.address = "127.0.0.1:0"};
    options.routes = {
        {.method = "GET",
         .path = "/now",
         .answer = [text](const HttpRequest&) { return text("now"); },
         .may_block = false},
        {.method = "POST",
         .path = "/echo",
         .answer = [text](const HttpRequest& request) { return text(request.body); },
         .refuse =
             [](int status, const std::string& reason) {
               return HttpAnswer{.status = status, .body = "echo: " + reason};
             }},
        {.path = "/slow",
         .answer =
             [this, text](const HttpRequest&) {
               WaitUntilUncorked();
               return text("slow");
             }},
        {.path = "/perhaps",
         .answer =
             [this, text](const HttpRequest& request) {
               if (request.body == "long") {
                 WaitUntilUncorked();
               }
               return text(request.body);
             },
         .may_take_long = [](const HttpRequest& request) { return request.body == "long"; },
         .refuse =
             [this](int status, const std::string& reason) {
               ++refused_;
               return HttpAnswer{.status = status, .body = reason};
             }},
        {.method = "GET",
         .path = "/large",
         .answer =
             [this, text](const HttpRequest&) {
               ++large_;
               return text(std::string(size_t{16} << 20, 'x'));
             }},
        {.path = "/below",
         .and_below = true,
         .answer = [text](const HttpRequest& request) { return text(request.path); }},
        {.path = "/nothing",
         .answer =
             [](const HttpRequest&) {
               return HttpAnswer{.status = 204, .body = "never sent", .headers = {{"ETag", "1"}}};
             }},
        {.path = "/throws",
         .answer = [](const HttpRequest&) -> HttpAnswer { throw std::runtime_error("oh"); }}};
    options.limits.body_bytes = 100'000;
    return options;
  }

  void Start() { Start(Options()); }
  void Start(HttpServerOptions options) {
    Result<std::unique_ptr<HttpServer>> server = StartHttpServer(std::move(options));
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    server_ = *std::move(server);
  }

  int port() const { return server_->port(); }

  std::vector<RawClient> Connect(size_t count, const std::string& bytes) {
    std::vector<RawClient> clients;
    for (size_t i = 0; i < count; ++i) {
      clients.emplace_back(port(), bytes);
    }
    return clients;
  }

  // Both kinds of answers, each on a new connection: within 100 ms, except when a busy machine
  // delays them; even then they do not wait for another client's deadline.
  void ExpectServed() {
    std::vector<Clock::duration> times;
    for (int i = 0; i < 10; ++i) {
      for (const std::string& request : {Get("/now"), Post("/echo", "now")}) {
        const auto begin = Clock::now();
        EXPECT_EQ(Exchange(port(), request).body, "now");
        times.push_back(Clock::now() - begin);
      }
    }
    std::sort(times.begin(), times.end());
    EXPECT_LT(times[times.size() / 2], kSoon);
    EXPECT_LT(times.back(), kNoDeadline);
  }

  void WaitUntilUncorked() {
    ++hanging_;
    MutexLock lock(mutex_);
    uncorked_.WaitFor(lock, std::stop_token(), milliseconds(30'000), [this] { return open_; });
    --hanging_;
  }
  void Uncork() {
    MutexLock lock(mutex_);
    open_ = true;
    uncorked_.NotifyAll();
  }
  bool WaitForHanging(int count) {
    return Eventually([this, count] { return hanging_ == count; });
  }
  bool WaitForConnections(size_t count) {
    return Eventually([this, count] { return server_->connections() == count; });
  }

  Mutex mutex_;
  CondVar uncorked_;
  bool open_ CDC_GUARDED_BY(mutex_) = false;
  std::atomic<int> hanging_{0};
  std::atomic<int> large_{0};
  std::atomic<int> refused_{0};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, Answers) {
  Start();
  const RawAnswer now = Exchange(port(), Get("/now"));
  EXPECT_EQ(now.status, 200);
  EXPECT_EQ(now.body, "now");
  EXPECT_THAT(now.head, StartsWith("HTTP/1.1 200 OK\r\nDate: "));
  EXPECT_THAT(now.head, HasSubstr("\r\nContent-Type: text/plain; charset=utf-8"));
  EXPECT_THAT(now.head, Not(HasSubstr("Connection:")));
  EXPECT_EQ(Exchange(port(), Post("/echo", "a body")).body, "a body");
  EXPECT_EQ(Exchange(port(), Get("/other")).status, 404);
  EXPECT_EQ(Exchange(port(), Get("/echo")).status, 404);
  EXPECT_EQ(Exchange(port(), Post("/throws", "")).status, 500);
}

TEST_F(HttpServerTest, RequestsOfOnePieceAreAnsweredInOrder) {
  Start();
  RawClient client(port(), Post("/echo", "1") + Get("/now") + Post("/echo", "3"));
  EXPECT_EQ(client.Read().body, "1");
  EXPECT_EQ(client.Read().body, "now");
  EXPECT_EQ(client.Read().body, "3");
  client.Send(Post("/echo", "4"));
  EXPECT_EQ(client.Read().body, "4");
}

TEST_F(HttpServerTest, RequestsBehindASlowOneWaitForIt) {
  Start();
  RawClient client(port(), Post("/slow", "") + Get("/now") + Get("/now"));
  ASSERT_TRUE(WaitForHanging(1));
  EXPECT_EQ(client.Read(milliseconds(50)).status, 0);
  Uncork();
  EXPECT_EQ(client.Read().body, "slow");
  EXPECT_EQ(client.Read().body, "now");
  EXPECT_EQ(client.Read().body, "now");
}

TEST_F(HttpServerTest, HeadHasNoBody) {
  Start();
  RawClient client(port(), "HEAD /now HTTP/1.1\r\nHost: h\r\n\r\n" + Get("/now"));
  const RawAnswer head = client.Read(RawClient::kLimit, true);
  EXPECT_EQ(head.status, 200);
  EXPECT_THAT(head.head, HasSubstr("\r\nContent-Length: 3"));
  EXPECT_EQ(client.Read().body, "now");
}

TEST_F(HttpServerTest, ARouteMayAnswerAllPathsBelow) {
  Start();
  EXPECT_EQ(Exchange(port(), Get("/below")).body, "/below");
  EXPECT_EQ(Exchange(port(), Get("/below/a%2Fb?c")).body, "/below/a%2Fb");
  EXPECT_EQ(Exchange(port(), Get("/belowx")).status, 404);
  EXPECT_EQ(Exchange(port(), Get("/now/a")).status, 404);
}

TEST_F(HttpServerTest, AnAnswerWithoutContentHasNoBody) {
  Start();
  RawClient client(port(), Get("/nothing") + Get("/now"));
  const RawAnswer nothing = client.Read(RawClient::kLimit, true);
  EXPECT_EQ(nothing.status, 204);
  EXPECT_THAT(nothing.head, HasSubstr("\r\nETag: 1"));
  EXPECT_THAT(nothing.head, Not(HasSubstr("Content-")));
  EXPECT_EQ(client.Read().body, "now");
}

TEST_F(HttpServerTest, ConnectionsEndAsTheClientWants) {
  Start();
  RawClient close(port(), "GET /now HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(close.Read().head, HasSubstr("\r\nConnection: close"));
  EXPECT_TRUE(close.WaitForEnd());
  RawClient old(port(), "GET /now HTTP/1.0\r\n\r\n");
  EXPECT_THAT(old.Read().head, HasSubstr("\r\nConnection: close"));
  EXPECT_TRUE(old.WaitForEnd());
  RawClient kept(port(), "GET /now HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_THAT(kept.Read().head, HasSubstr("\r\nConnection: keep-alive"));
  kept.Send(Get("/now"));
  EXPECT_EQ(kept.Read().body, "now");
}

TEST_F(HttpServerTest, ContinueIsSaidWhenTheBodyIsWanted) {
  Start();
  const std::string head = "POST /echo HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n";
  RawClient client(port(), head + "Content-Length: 3\r\n\r\n");
  EXPECT_EQ(client.Read().head, "HTTP/1.1 100 Continue");
  client.Send("abc" + head + "Transfer-Encoding: chunked\r\n\r\n");
  EXPECT_EQ(client.Read().body, "abc");
  EXPECT_EQ(client.Read().status, 100);
  client.Send("3\r\nabc\r\n0\r\n\r\n");
  EXPECT_EQ(client.Read().body, "abc");
  client.Send(head + "Content-Length: 3000000\r\n\r\n");
  EXPECT_EQ(client.Read().status, 413);
}

TEST_F(HttpServerTest, RefusedRequestsEndTheConnection) {
  Start();
  const std::string smuggled = Get("/now");
  for (const std::string headers :
       {"Content-Length: 0\r\nContent-Length: 40\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", "Host: other\r\n"}) {
    RawClient client(port(), "POST /echo HTTP/1.1\r\nHost: h\r\n" + headers + "\r\n" + smuggled);
    const RawAnswer answer = client.Read();
    EXPECT_EQ(answer.status, 400) << headers;
    EXPECT_THAT(answer.head, HasSubstr("\r\nConnection: close"));
    EXPECT_THAT(answer.body, StartsWith("echo: ")) << headers;
    EXPECT_TRUE(client.WaitForEnd()) << headers;
  }
  const RawAnswer tls = Exchange(port(), std::string("\x16\x03\x01\x02\x00\x01\x00\x01", 8));
  EXPECT_EQ(tls.status, 400);
  EXPECT_THAT(tls.body, HasSubstr("http://"));
}

TEST_F(HttpServerTest, TooLargeABodyIsRefusedAtOnce) {
  Start();
  for (const std::string begin :
       {"Content-Length: 8589934592\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n20000000\r\n"}) {
    RawClient client(port(), "POST /echo HTTP/1.1\r\nHost: h\r\n" + begin);
    const auto started = Clock::now();
    const std::string piece(size_t{1} << 20, 'x');
    // The client is still sending when the answer comes; the answer arrives all the same.
    for (int i = 0; i < 8; ++i) {
      client.Send(piece);
    }
    const RawAnswer answer = client.Read();
    EXPECT_EQ(answer.status, 413);
    EXPECT_EQ(answer.body, "echo: it is larger than 100000 bytes");
    EXPECT_TRUE(client.WaitForEnd());
    EXPECT_LT(Clock::now() - started, kNoDeadline);
  }
}

TEST_F(HttpServerTest, WhoSendsOnForEverIsCutOff) {
  HttpServerOptions options = Options();
  options.limits.linger_time = milliseconds(200);
  Start(std::move(options));
  RawClient client(port(), "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 8589934592\r\n\r\n");
  const std::string piece(size_t{1} << 20, 'x');
  bool taken = true;
  EXPECT_TRUE(Eventually([&] {
    taken = client.Send(piece);
    return !taken;
  }));
  EXPECT_TRUE(WaitForConnections(0));
}

TEST_F(HttpServerTest, HalfClosedClientsAreAnswered) {
  Start();
  RawClient client(port(), Post("/slow", "") + Get("/now"));
  client.EndSending();
  ASSERT_TRUE(WaitForHanging(1));
  Uncork();
  EXPECT_EQ(client.Read().body, "slow");
  EXPECT_EQ(client.Read().body, "now");
  EXPECT_TRUE(client.WaitForEnd());
  RawClient cut(port(), "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nab");
  cut.EndSending();
  const RawAnswer answer = cut.Read();
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.body, "echo: the connection ended early");
}

TEST_F(HttpServerTest, StuckConnectionsHoldNobodyUp) {
  Start();
  std::vector<std::vector<RawClient>> stuck;
  stuck.push_back(Connect(150, ""));
  stuck.push_back(Connect(150, "GET /no"));
  stuck.push_back(Connect(150, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nx"));
  stuck.push_back(Connect(150, Get("/now") + "GET"));
  ExpectServed();
}

TEST_F(HttpServerTest, AtTheLimitTheLongestWaitingIsClosed) {
  HttpServerOptions options = Options();
  options.limits.connections = 20;
  Start(std::move(options));
  RawClient busy(port(), Post("/slow", ""));
  ASSERT_TRUE(WaitForHanging(1));
  RawClient oldest(port(), "GET /");
  const std::vector<RawClient> stuck = Connect(600, "GET /");
  EXPECT_TRUE(oldest.WaitForEnd());
  ExpectServed();
  EXPECT_LE(server_->connections(), 20U);
  // A client that waits for us is not evicted.
  Uncork();
  EXPECT_EQ(busy.Read().body, "slow");
}

TEST_F(HttpServerTest, ClientsThatDoNotTakeTheirAnswers) {
  HttpServerOptions options = Options();
  options.limits.connections = 10;
  options.limits.answer_time = milliseconds(300);
  Start(std::move(options));
  {
    const std::vector<RawClient> stuck = Connect(8, Get("/large") + Get("/large"));
    ASSERT_TRUE(Eventually([this] { return large_ == 8; }));
    const std::vector<RawClient> silent = Connect(5, "");
    ExpectServed();
  }
  ASSERT_TRUE(WaitForConnections(0));
  const std::vector<RawClient> stuck = Connect(5, Get("/large"));
  EXPECT_TRUE(WaitForConnections(5));
  EXPECT_TRUE(WaitForConnections(0));
}

TEST_F(HttpServerTest, BusyHandlersDoNotHoldWhatNeedsNone) {
  HttpServerOptions options = Options();
  options.limits.handlers = 2;
  Start(std::move(options));
  const std::vector<RawClient> busy = Connect(5, Post("/slow", ""));
  ASSERT_TRUE(WaitForHanging(2));
  EXPECT_EQ(Exchange(port(), Get("/now")).body, "now");
  RawClient waiting(port(), Post("/echo", "later"));
  EXPECT_EQ(waiting.Read(milliseconds(50)).status, 0);
  Uncork();
  EXPECT_EQ(waiting.Read().body, "later");
}

TEST_F(HttpServerTest, SlowRequestsLeaveHandlersToTheOthers) {
  HttpServerOptions options = Options();
  options.limits.handlers = 4;
  options.limits.slow_handlers = 2;
  Start(std::move(options));
  std::vector<RawClient> slow = Connect(20, Post("/perhaps", "long"));
  ASSERT_TRUE(WaitForHanging(2));
  ExpectServed();
  EXPECT_EQ(Exchange(port(), Post("/perhaps", "short")).body, "short");
  EXPECT_EQ(hanging_, 2);
  Uncork();
  for (RawClient& client : slow) {
    EXPECT_EQ(client.Read().body, "long");
  }
}

TEST_F(HttpServerTest, SlowRequestsLeaveConnectionsToTheOthers) {
  HttpServerOptions options = Options();
  options.limits.handlers = 4;
  options.limits.slow_handlers = 1;
  options.limits.connections = 20;
  Start(std::move(options));
  std::vector<RawClient> slow = Connect(14, Post("/perhaps", "long"));
  // One is being answered, ten wait.
  ASSERT_TRUE(Eventually([this] { return refused_ == 3; }));
  EXPECT_EQ(Exchange(port(), Post("/echo", "x")).body, "x");
  Uncork();
  int answered = 0;
  for (RawClient& client : slow) {
    const RawAnswer answer = client.Read();
    answered += answer.body == "long" ? 1 : 0;
    EXPECT_EQ(answer.status, answer.body == "long" ? 200 : 503);
  }
  EXPECT_EQ(answered, 11);
}

TEST_F(HttpServerTest, SlowRequestsThatWaitAreToldOfTheStop) {
  HttpServerOptions options = Options();
  options.limits.handlers = 2;
  Start(std::move(options));
  std::vector<RawClient> slow = Connect(5, Post("/perhaps", "long"));
  RawClient stuck(port(), "GET /");
  ASSERT_TRUE(WaitForHanging(1));
  ASSERT_TRUE(WaitForConnections(6));
  Thread stopper("stopper", [this](const std::stop_token&) { server_->Stop(); });
  ASSERT_TRUE(stuck.WaitForEnd());
  Uncork();
  stopper.Join();
  int executed = 0;
  for (RawClient& client : slow) {
    executed += client.Read().status == 200 ? 1 : 0;
  }
  EXPECT_EQ(executed, 1);
}

TEST_F(HttpServerTest, WhenAllAreBusyTheOthersAreToldSo) {
  HttpServerOptions options = Options();
  options.limits.handlers = 2;
  options.limits.connections = 5;
  Start(std::move(options));
  std::vector<RawClient> busy = Connect(5, Post("/slow", ""));
  ASSERT_TRUE(WaitForHanging(2));
  const std::vector<RawClient> stuck = Connect(100, "GET /");
  const RawAnswer refused = Exchange(port(), Post("/echo", "x"));
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.body, "echo: too many requests at once, try again");
  EXPECT_EQ(Exchange(port(), Get("/now")).body, "now");
  Uncork();
  for (RawClient& client : busy) {
    EXPECT_EQ(client.Read().body, "slow");
  }
}

TEST_F(HttpServerTest, SlowClientsAreToldSo) {
  HttpServerOptions options = Options();
  options.limits.header_time = options.limits.body_time = options.limits.idle_time =
      milliseconds(200);
  Start(std::move(options));
  RawClient silent(port());
  RawClient header(port(), "GET /now HTTP/1.1\r\n");
  RawClient body(port(), "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nx");
  RawClient idle(port(), Get("/now"));
  RawClient second(port(), Get("/now") + "GET /no");
  EXPECT_EQ(idle.Read().body, "now");
  EXPECT_EQ(second.Read().body, "now");
  EXPECT_TRUE(silent.WaitForEnd());
  EXPECT_TRUE(idle.WaitForEnd());
  for (RawClient* client : {&header, &body, &second}) {
    EXPECT_EQ(client->Read().status, 408);
    EXPECT_TRUE(client->WaitForEnd());
  }
}

TEST_F(HttpServerTest, DripsDoNotKeepAConnection) {
  HttpServerOptions options = Options();
  options.limits.header_time = options.limits.body_time = milliseconds(300);
  Start(std::move(options));
  for (const std::string begin :
       {"GET /now HTTP/1.1\r\n",
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9999\r\n\r\n"}) {
    RawClient client(port(), begin);
    const auto started = Clock::now();
    RawAnswer answer;
    while (answer.status == 0 && Clock::now() - started < milliseconds(5'000)) {
      client.SendSome("x");
      answer = client.Read(milliseconds(20));
    }
    EXPECT_EQ(answer.status, 408) << begin;
  }
}

TEST_F(HttpServerTest, BodiesAreBoundedTogether) {
  HttpServerOptions options = Options();
  options.limits.bodies_bytes = 500'000;
  Start(std::move(options));
  const std::string most(99'000, 'x');
  std::vector<RawClient> stuck =
      Connect(20, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n" + most);
  EXPECT_TRUE(stuck.front().WaitForEnd());  // the oldest gave way
  EXPECT_EQ(Exchange(port(), Post("/echo", most)).body, most);
  ExpectServed();
  EXPECT_TRUE(Eventually([this] { return server_->connections() <= 7; }));
  stuck.clear();
  // A request that is being answered cannot be evicted.
  const std::vector<RawClient> busy = Connect(5, Post("/slow", most));
  ASSERT_TRUE(WaitForHanging(5));
  EXPECT_EQ(Exchange(port(), Post("/echo", most)).status, 503);
  ExpectServed();
}

TEST_F(HttpServerTest, ServesWithoutAFreeFileDescriptor) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "the sanitizers look at memory through a pipe of their own";
#endif
  Start();
  const std::vector<RawClient> stuck = Connect(10, "GET /");
  ASSERT_TRUE(WaitForConnections(10));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 400;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &small), 0);
  std::vector<int> taken;
  for (int copy = 0; (copy = dup(0)) >= 0;) {
    taken.push_back(copy);
  }
  ASSERT_FALSE(taken.empty());
  close(taken.back());  // for the client itself
  taken.pop_back();
  EXPECT_EQ(Exchange(port(), Get("/now")).body, "now");
  for (const int copy : taken) {
    close(copy);
  }
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST_F(HttpServerTest, ClientsThatGoAreForgotten) {
  Start();
  {
    const std::vector<RawClient> gone = Connect(20, Post("/slow", ""));
    ASSERT_TRUE(WaitForHanging(20));
    const std::vector<RawClient> others = Connect(20, "GET /");
    ASSERT_TRUE(WaitForConnections(40));
  }
  EXPECT_TRUE(WaitForConnections(20));
  Uncork();
  EXPECT_TRUE(WaitForConnections(0));
}

TEST_F(HttpServerTest, StopsWithAllKindsOfConnectionsOpen) {
  HttpServerOptions options = Options();
  options.limits.handlers = 2;
  options.limits.linger_time = milliseconds(60'000);
  Start(std::move(options));
  std::vector<RawClient> stuck = Connect(100, "GET /");
  std::vector<RawClient> halves =
      Connect(50, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx");
  const std::vector<RawClient> unread = Connect(3, Get("/large") + Get("/large"));
  RawClient refused(port(), "x\r\n\r\n");
  EXPECT_EQ(refused.Read().status, 400);
  ASSERT_TRUE(Eventually([this] { return server_->connections() == 154; }));
  RawClient first(port(), Post("/slow", "") + Get("/now"));
  RawClient second(port(), Post("/slow", ""));
  ASSERT_TRUE(WaitForHanging(2));
  RawClient queued(port(), Post("/echo", "late"));
  ASSERT_TRUE(WaitForConnections(157));
  const int port_before = port();
  std::jthread stop([this] { server_->Stop(); });
  EXPECT_TRUE(stuck.front().WaitForEnd());
  EXPECT_TRUE(halves.back().WaitForEnd());
  const auto begin = Clock::now();
  Uncork();
  const RawAnswer last = first.Read();
  EXPECT_EQ(last.body, "slow");
  EXPECT_THAT(last.head, HasSubstr("\r\nConnection: close"));
  EXPECT_EQ(second.Read().body, "slow");
  EXPECT_EQ(queued.Read().status, 503);
  stop.join();
  EXPECT_LT(Clock::now() - begin, kNoDeadline);
  EXPECT_EQ(server_->connections(), 0U);
  server_->Stop();
  EXPECT_EQ(Exchange(port_before, Get("/now")).status, 0);
}

TEST_F(HttpServerTest, PortInUseAndBadAddresses) {
  Start();
  const auto status_of = [](const std::string& address) {
    return StartHttpServer({.address = address}).status();
  };
  const Status in_use = status_of("127.0.0.1:" + std::to_string(port()));
  EXPECT_EQ(in_use.code(), StatusCode::kUnavailable);
  EXPECT_THAT(in_use.message(), HasSubstr(std::to_string(port())));
  for (const char* address : {"", "8444", "h:", "h:x", "h:70000", "::1:80", "h:-1"}) {
    EXPECT_EQ(status_of(address).code(), StatusCode::kInvalidArgument) << address;
  }
  EXPECT_EQ(status_of("192.0.2.1:0").code(), StatusCode::kUnavailable);
  EXPECT_TRUE(status_of(":0").ok());
  EXPECT_TRUE(status_of("localhost:0").ok());
}

TEST_F(HttpServerTest, WithoutATokenNothingIsServed) {
  HttpServerOptions options = Options();
  options.tokens = {"secret"};
  options.routes.front().open = true;
  Start(std::move(options));
  EXPECT_EQ(Exchange(server_->port(), Get("/now")).status, 200);
  for (const char* path : {"/below", "/unknown", "/echo"}) {
    const RawAnswer refused = Exchange(server_->port(), Get(path));
    EXPECT_EQ(refused.status, 401) << path;
    EXPECT_THAT(refused.head, HasSubstr("\r\nWWW-Authenticate: Bearer")) << path;
  }
  const std::string token = "Host: h\r\nAuthorization: Bearer secret\r\n";
  EXPECT_EQ(Exchange(server_->port(), "GET /below HTTP/1.1\r\n" + token + "\r\n").status, 200);
}

TEST_F(HttpServerTest, WithoutATokenTheBodyIsNotAwaited) {
  HttpServerOptions options = Options();
  options.tokens = {"secret"};
  Start(std::move(options));
  RawClient client(server_->port(),
                   "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 90000\r\n"
                   "Expect: 100-continue\r\n\r\n");
  const RawAnswer refused = client.Read(kNoDeadline);
  EXPECT_EQ(refused.status, 401);
  EXPECT_THAT(refused.body, StartsWith("echo: a token of this server is needed"));
  EXPECT_TRUE(client.WaitForEnd());
}

TEST_F(HttpServerTest, TheTokenComesBeforeWhatIsWrongWithTheBody) {
  HttpServerOptions options = Options();
  options.tokens = {"secret"};
  options.limits.body_bytes = 100;
  Start(std::move(options));
  for (const auto& [rest, status] : std::vector<std::pair<std::string, int>>{
           {"Content-Length: 8589934592\r\n\r\n", 413},
           {"Transfer-Encoding: chunked\r\n\r\n80\r\n" + std::string(0x80, 'x') + "\r\n", 413},
           {"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n", 400}}) {
    const std::string head = "POST /echo HTTP/1.1\r\nHost: h\r\n";
    EXPECT_EQ(Exchange(port(), head + rest).status, 401) << rest;
    EXPECT_EQ(Exchange(port(), head + "Authorization: Bearer secret\r\n" + rest).status, status)
        << rest;
  }
}

TEST_F(HttpServerTest, OpenRoutesReadNoBodyOfStrangers) {
  HttpServerOptions options = Options();
  options.tokens = {"secret"};
  options.routes.push_back(
      {.path = "/whoever",
       .answer =
           [](const HttpRequest& request) {
             return HttpAnswer{.body = (request.admitted ? "known " : "stranger ") + request.body};
           },
       .open = true});
  Start(std::move(options));
  EXPECT_EQ(Exchange(port(), Get("/whoever")).body, "stranger ");
  EXPECT_EQ(Exchange(port(), Post("/whoever", "")).body, "stranger ");
  const std::string head = "POST /whoever HTTP/1.1\r\nHost: h\r\n";
  for (const std::string rest :
       {"Content-Length: 90000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n5\r\n"}) {
    RawClient client(port(), head + rest);
    EXPECT_EQ(client.Read(kNoDeadline).status, 413) << rest;
    EXPECT_TRUE(client.WaitForEnd());
  }
  const std::string known = head + "Authorization: Bearer secret\r\nContent-Length: 2\r\n\r\nhi";
  EXPECT_EQ(Exchange(port(), known).body, "known hi");
}

TEST_F(HttpServerTest, AnotherSpellingOfAPathIsNoOtherRoute) {
  HttpServerOptions options = Options();
  options.limits.handlers = 4;
  options.limits.slow_handlers = 2;
  Start(std::move(options));
  EXPECT_EQ(Exchange(port(), Get("/%6eow")).body, "now");
  EXPECT_EQ(Exchange(port(), Get("/%62elow/%78%2Fy")).body, "/below/x%2Fy");
  EXPECT_EQ(Exchange(port(), Get("/below%2Fx")).status, 404);
  // They wait with the others that may take long.
  const std::vector<RawClient> slow = Connect(6, Post("/%70erhaps", "long"));
  ASSERT_TRUE(WaitForHanging(2));
  EXPECT_EQ(Exchange(port(), Post("/perhaps", "short")).body, "short");
  EXPECT_EQ(hanging_, 2);
}

TEST_F(HttpServerTest, EachRequestOfAConnectionNeedsTheToken) {
  HttpServerOptions options = Options();
  options.tokens = {"secret"};
  Start(std::move(options));
  const std::string good = "GET /now HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer secret\r\n\r\n";
  RawClient client(server_->port(), good + Get("/now") + good);
  EXPECT_EQ(client.Read().status, 200);
  EXPECT_EQ(client.Read().status, 401);
  EXPECT_EQ(client.Read().status, 200) << "the connection stays";
}

}  // namespace
}  // namespace cdc
