#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/api.h"
#include "api/metrics.h"
#include "base/status.h"
#include "http/http_server.h"

namespace cdc {

struct HttpRoutesOptions {
  Api* api = nullptr;
  Metrics* metrics = nullptr;
  // Whether the source can be read. Asked by /healthz and /readyz; it waits for nothing.
  std::function<Status()> health;
  std::string version;
};

// POST /cdc, GET /cdc/metrics, /cdc/metrics_default, /healthz, /readyz, /version. What they are
// given must outlive them.
//
// /healthz says whether the process lives: 200 whenever it can answer. /readyz says whether it can
// replicate: 503 while the source cannot be read. Both have the status and the reason in the body.
std::vector<HttpRoute> HttpRoutes(HttpRoutesOptions options);

}  // namespace cdc
