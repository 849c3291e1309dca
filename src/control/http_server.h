#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "control/api.h"
#include "control/metrics.h"

namespace cdc {

struct HttpServerOptions {
  std::string address;  // "host:port", ":port", "[::1]:port"; port 0: any free one
  Api* api = nullptr;
  Metrics* metrics = nullptr;
  std::function<Status()> health;  // asked by /healthz
  std::string version;
  size_t max_body_bytes = size_t{8} << 20;
};

// The one listener: POST /cdc, GET /cdc/metrics, /cdc/metrics_default, /healthz, /version. What it
// is given must outlive it.
class HttpServer {
 public:
  virtual ~HttpServer() = default;

  virtual int port() const = 0;

  // Ends listening and waits for the requests in progress. Idempotent.
  virtual void Stop() = 0;
};

// Listens when it returns. kInvalidArgument: the address. kUnavailable: it cannot be bound.
Result<std::unique_ptr<HttpServer>> StartHttpServer(HttpServerOptions options);

}  // namespace cdc
