#include "api/http_routes.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "api/task_json.h"

namespace cdc {
namespace {

constexpr const char* kJson = "application/json";
constexpr int kBusy = 503;
constexpr int kFailure = 500;  // the `code` of errors that are not the caller's
constexpr const char* kMetricsText = "text/plain; version=0.0.4; charset=utf-8";

HttpAnswer JsonAnswer(std::string body, int status = 200) {
  return {.status = status, .content_type = kJson, .body = std::move(body)};
}

// Answers a request to /cdc that does not reach the API in the shape of its answers.
HttpAnswer RefuseCall(Api* api, int status, const std::string& reason) {
  const bool forbidden = status == 401 || status == 403;
  ApiAnswer answer = forbidden         ? EncodeFailure(status, reason)
                     : status == kBusy ? EncodeFailure(kFailure, reason)
                                       : api->UnreadableBody(reason);
  return JsonAnswer(std::move(answer.body), status);
}

HttpRoute Get(std::string path, bool may_block, std::function<HttpAnswer()> answer) {
  return {.method = "GET",
          .path = std::move(path),
          .answer = [answer = std::move(answer)](const HttpRequest&) { return answer(); },
          .may_block = may_block};
}

HttpRoute GetMetrics(std::string path, bool open, std::function<std::string()> scrape) {
  HttpRoute route = Get(std::move(path), true, [scrape = std::move(scrape)] {
    return HttpAnswer{.content_type = kMetricsText, .body = scrape()};
  });
  route.open = open;
  return route;
}

// An outage of the source is no reason to restart the process, which rides it out: a liveness probe
// still gets 200, a readiness probe 503. The reason names addresses and paths, which concern only
// those who may know everything.
HttpRoute GetHealth(std::string path, std::function<Status()> health, int status_if_ill) {
  HttpRoute route{.method = "GET", .path = std::move(path), .may_block = false, .open = true};
  route.answer = [health = std::move(health), status_if_ill](const HttpRequest& request) {
    const Status status = health ? health() : OkStatus();
    nlohmann::ordered_json text = {{"status", status.ok() ? "ok" : "unavailable"}};
    if (!status.ok() && request.admitted) {
      text["reason"] = status.message();
    }
    return JsonAnswer(text.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n",
                      status.ok() ? 200 : status_if_ill);
  };
  return route;
}

}  // namespace

std::vector<HttpRoute> HttpRoutes(HttpRoutesOptions options) {
  Api* const api = options.api;
  Metrics* const metrics = options.metrics;
  const std::string version = nlohmann::json{{"version", options.version}}.dump() + "\n";
  const auto encode = [real_status = options.real_status](ApiAnswer answer) {
    return JsonAnswer(std::move(answer.body), real_status ? answer.code : 200);
  };
  const auto refuse = [api](int status, const std::string& reason) {
    return RefuseCall(api, status, reason);
  };
  std::vector<HttpRoute> routes;
  routes.push_back(
      {.method = "POST",
       .path = "/cdc",
       .answer = [api,
                  encode](const HttpRequest& request) { return encode(api->Handle(request.body)); },
       .may_take_long = [](const HttpRequest& request) { return Api::MayTakeLong(request.body); },
       .refuse = refuse});
  routes.push_back({.path = "/cdc",
                    .answer =
                        [api, encode](const HttpRequest&) {
                          HttpAnswer answer = encode(api->WrongMethod());
                          if (answer.status != 200) {
                            answer.headers.push_back({"Allow", "POST"});
                          }
                          return answer;
                        },
                    .refuse = refuse});
  routes.push_back(
      GetMetrics("/cdc/metrics", options.open_metrics, [metrics] { return metrics->Scrape(); }));
  routes.push_back(GetMetrics("/cdc/metrics_default", options.open_metrics,
                              [metrics] { return metrics->ScrapeProcess(); }));
  routes.push_back(GetHealth("/healthz", options.health, 200));
  routes.push_back(GetHealth("/readyz", options.health, 503));
  routes.push_back(Get("/version", false, [version] { return JsonAnswer(version); }));
  return routes;
}

}  // namespace cdc
