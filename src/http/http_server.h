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

// What is answered to a method and a path. The functions are called by several threads at once.
struct HttpRoute {
  std::string method;  // "GET": also HEAD; empty: any
  std::string path;
  std::function<HttpAnswer(const HttpRequest&)> answer;
  // False: `answer` waits for nothing, no lock that is held for long either. It then runs where the
  // connections are served, and so is answered however many others wait.
  bool may_block = true;
  // The answer to a request that is not given to `answer`: its body is refused (400, 408, 413), or
  // there is too much to do (503). Runs like one that does not block. Without it, plain text.
  std::function<HttpAnswer(int status, const std::string& reason)> refuse;
};

struct HttpLimits {
  size_t connections = 512;  // a few more while that many requests are being answered
  size_t handlers = 64;      // threads for answers that may block
  size_t header_bytes = size_t{16} << 10;
  size_t body_bytes = size_t{8} << 20;
  size_t bodies_bytes = size_t{64} << 20;  // of all connections together
  // How long a client may take: for the headers of a request, since the connection or the first
  // byte; for its body; to begin another request; to take the answer.
  std::chrono::milliseconds header_time{10'000};
  std::chrono::milliseconds body_time{60'000};
  std::chrono::milliseconds idle_time{60'000};
  std::chrono::milliseconds answer_time{30'000};
  // After the last answer what the client still sends is thrown away for so long: a connection that
  // is closed over unread bytes takes the answer with it.
  std::chrono::milliseconds linger_time{2'000};
  // At a stop, for the answer and what follows it.
  std::chrono::milliseconds stop_time{500};
};

struct HttpServerOptions {
  std::string address;            // "host:port", ":port", "[::1]:port"; port 0: any free one
  std::vector<HttpRoute> routes;  // the first that fits answers; else 404
  HttpLimits limits;
};

// Serves HTTP/1.1 and 1.0. One thread serves all connections and never blocks, so a connection that
// sends nothing, or takes nothing, costs no more than a file descriptor, and that only until others
// need it: at the limit a new connection takes the place of the one that has waited longest for its
// client. Requests of one connection are answered in their order, one at a time.
class HttpServer {
 public:
  virtual ~HttpServer() = default;

  virtual int port() const = 0;
  virtual size_t connections() const = 0;

  // Ends listening, waits for the answers that are being made and sends them; a request whose turn
  // has not come is told that the server stops. Idempotent.
  virtual void Stop() = 0;
};

// Listens when it returns. kInvalidArgument: the address. kUnavailable: it cannot be bound.
Result<std::unique_ptr<HttpServer>> StartHttpServer(HttpServerOptions options);

}  // namespace cdc
