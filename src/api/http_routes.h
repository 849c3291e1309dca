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
  // Whether the source can be read; used by /healthz and /readyz. Must not block.
  std::function<Status()> health;
  std::string version;
  // The HTTP status of POST /cdc is the `code` of the body; else 200, as existing clients expect.
  bool real_status = false;
  // Whether metrics are answered without a token, as /healthz and /readyz are; see HttpRoute::open.
  bool open_metrics = false;
};

// POST /cdc, GET /cdc/metrics, /cdc/metrics_default, /healthz, /readyz, /version. The objects in
// `options` must outlive the routes.
//
// /healthz reports whether the process is alive: 200 whenever it can answer. /readyz reports
// whether it can replicate: 503 while the source cannot be read. Both have the status in the
// body, and the reason if the client is admitted.
//
// A request that was not permitted or could not be read (too large, too slow, one too many) has its
// own HTTP status in any case.
std::vector<HttpRoute> HttpRoutes(HttpRoutesOptions options);

}  // namespace cdc
