#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "http/message.h"

namespace cdc {

// How a method and a path are answered. The functions are called by several threads at once.
struct HttpRoute {
  std::string method;  // "GET": also HEAD; empty: any
  std::string path;
  bool and_below = false;  // all paths below it, too: "/api/v1" also answers "/api/v1/tasks"
  std::function<HttpAnswer(const HttpRequest&)> answer;
  // False: `answer` never waits, not even for a lock that may be held long. It then runs on the
  // thread of the connections and is answered however many other requests wait.
  bool may_block = true;
  // True: answered whoever asks, e.g. a probe that has neither token nor certificate; see
  // HttpRequest::admitted.
  bool open = false;
  // Whether `answer` may block for long, e.g. for another server. At most HttpLimits::slow_handlers
  // such requests are answered at once; others wait for their turn without a thread. Called by a
  // handler's thread. Empty: never.
  std::function<bool(const HttpRequest&)> may_take_long;
  // Answers a request that does not reach `answer`: it lacks a token (401), its body is refused
  // (400, 408, 413), or the server is overloaded or stopping (503). Must not block. Default: plain
  // text.
  std::function<HttpAnswer(int status, const std::string& reason)> refuse;
};

struct HttpLimits {
  size_t connections = 512;  // exceeded by a few while that many requests are being answered
  size_t handlers = 64;      // threads for answers that may block
  // How many of the handlers answer requests that may take long. Those that wait for them are at
  // most half of the connections; more are refused (503).
  size_t slow_handlers = 16;
  size_t header_bytes = size_t{16} << 10;
  size_t body_bytes = size_t{8} << 20;
  size_t bodies_bytes = size_t{64} << 20;  // over all connections
  // How long a client may take: for a request's headers, from the connection or the first byte; for
  // its body; to start another request; to take the answer.
  std::chrono::milliseconds header_time{10'000};
  std::chrono::milliseconds body_time{60'000};
  std::chrono::milliseconds idle_time{60'000};
  std::chrono::milliseconds answer_time{30'000};
  // How long to go on reading and dropping bytes after the last answer: closing a connection with
  // unread bytes would make TCP discard the answer.
  std::chrono::milliseconds linger_time{2'000};
  // At a stop: for sending the answer, and for lingering.
  std::chrono::milliseconds stop_time{500};
};

// The server speaks TLS if there is a certificate. Files are PEM.
struct HttpTlsOptions {
  std::string cert_path;  // with its chain; empty: no TLS
  std::string key_path;
  // Clients need a certificate that one of these authorities has signed, unless the route is open.
  // Empty: they need none.
  std::string client_ca_path;
  bool tls_1_3_only = false;  // else also 1.2
};

// Whether a server could use the files. kInvalidArgument: one of them cannot be used; the message
// has its key in the configuration (http.tls.…), its path, the reason, and a cure.
Status CheckTlsFiles(const HttpTlsOptions& options);

struct HttpServerOptions {
  std::string address;            // "host:port", ":port", "[::1]:port"; port 0: any free one
  std::vector<HttpRoute> routes;  // the first match answers; none: 404
  // Requests need one of them as `Authorization: Bearer <token>`, unless their route is open; see
  // BearerTokens. They are refused before their body is read. Empty: no token is needed.
  std::vector<std::string> tokens;
  HttpTlsOptions tls;
  HttpLimits limits;
};

// Serves HTTP/1.1 and 1.0. One thread serves all connections and never blocks, so a client that
// sends or takes nothing costs no more than a file descriptor, and only until it is needed: at the
// limit a new connection replaces the one that has waited longest for its client. Requests of one
// connection are answered in order, one at a time.
class HttpServer {
 public:
  virtual ~HttpServer() = default;

  virtual int port() const = 0;
  virtual size_t connections() const = 0;

  // Stops listening, waits for the answers in progress and sends them; queued requests get the
  // answer that the server is stopping. Idempotent.
  virtual void Stop() = 0;
};

// Listens when it returns. kInvalidArgument: a malformed address, or as of CheckTlsFiles.
// kUnavailable: it cannot be bound.
Result<std::unique_ptr<HttpServer>> StartHttpServer(HttpServerOptions options);

}  // namespace cdc
