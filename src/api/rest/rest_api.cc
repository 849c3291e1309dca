#include "api/rest/rest_api.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <string_view>
#include <vector>

#include <spdlog/spdlog.h>

#include "api/json_text.h"
#include "api/rest/media_type.h"
#include "api/rest/problem.h"
#include "api/rest/rest_request.h"

namespace cdc {
namespace {

// The segments of the path below /api/v1, decoded. nullopt: one of them cannot be.
std::optional<std::vector<std::string>> SegmentsOf(std::string_view path) {
  path.remove_prefix(std::string_view(kRestPath).size());
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::string_view raw = path.substr(0, path.find('/'));
    path.remove_prefix(raw.size());
    std::optional<std::string> segment = DecodePercent(raw);
    if (!segment) {
      return std::nullopt;
    }
    segments.push_back(*std::move(segment));
  }
  return segments;
}

// `pattern` is like "tasks/{}/pause"; "{}" stands for an id, which is not empty.
bool MatchPath(std::string_view pattern, const std::vector<std::string>& path, std::string* id) {
  for (const std::string& segment : path) {
    const std::string_view expected = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(std::min(expected.size() + 1, pattern.size()));
    if (expected == "{}" && !segment.empty()) {
      *id = segment;
    } else if (expected != segment || expected.empty()) {
      return false;
    }
  }
  return pattern.empty() && !path.empty();
}

std::string_view MethodOf(const HttpRequest& request) {
  return request.method == "HEAD" ? std::string_view("GET") : request.method;
}

std::optional<HttpAnswer> ParseBody(const HttpRequest& request, nlohmann::json* json) {
  // Without it a browser would send what a foreign page wants, and ask nobody.
  if (!request.body.empty() && !IsJson(request.HeaderOf("Content-Type"))) {
    return ProblemAnswer(415,
                         "the body must be JSON: send the header Content-Type: application/json");
  }
  Result<nlohmann::json> parsed = ParseJson(request.body);
  if (!parsed.ok()) {
    return ProblemAnswer(400, "the body cannot be read: " + parsed.status().message());
  }
  if (!parsed->is_object()) {
    return ProblemAnswer(422, "the body must be a JSON object");
  }
  *json = *std::move(parsed);
  return std::nullopt;
}

}  // namespace

struct RestApi::Operation {
  enum class Body { kNone, kOptional, kRequired };

  std::string_view method;
  std::string_view path;
  const char* name;  // in the metrics
  HttpAnswer (RestApi::*execute)(const RestRequest&);
  Body body = Body::kNone;
  std::vector<std::string_view> parameters = {};  // that its query may have
  bool asks_target = false;
};

std::span<const RestApi::Operation> RestApi::Operations() {
  using Body = Operation::Body;
  static const std::vector<Operation> operations = {
      {"GET",
       "tasks",
       "list",
       &RestApi::ListTasks,
       Body::kNone,
       {"state", "condition", "database", "target", "q", "limit", "page_token"}},
      {"POST", "tasks", "create", &RestApi::CreateTask, Body::kRequired, {}, true},
      {"POST", "tasks:plan", "plan", &RestApi::PlanTask, Body::kRequired, {}, true},
      {"GET", "tasks/{}", "get", &RestApi::GetTask, Body::kNone, {"present", "synced_at"}},
      {"PUT", "tasks/{}", "create", &RestApi::PutTask, Body::kRequired, {}, true},
      {"PATCH", "tasks/{}", "change", &RestApi::PatchTask, Body::kRequired, {}, true},
      {"DELETE", "tasks/{}", "delete", &RestApi::DeleteTask},
      {"POST", "tasks/{}/pause", "pause", &RestApi::Pause, Body::kOptional},
      {"POST", "tasks/{}/resume", "resume", &RestApi::Resume, Body::kOptional},
      {"POST", "tasks/{}/drain", "drain", &RestApi::Drain, Body::kOptional},
      {"POST", "tasks/{}/snapshot", "snapshot", &RestApi::Snapshot, Body::kRequired},
      {"POST", "tasks/{}/retry", "retry", &RestApi::Retry, Body::kRequired},
      {"POST", "tasks/{}/set-aside", "set_aside", &RestApi::SetAside, Body::kRequired},
      {"GET", "tasks/{}/positions", "position", &RestApi::Positions},
      {"GET", "tasks/{}/events", "events", &RestApi::Events, Body::kNone, {"after"}},
      {"GET", "version", "version", &RestApi::Version},
      {"GET", "openapi.json", "openapi", &RestApi::OpenApi}};
  return operations;
}

bool RestApi::MayTakeLong(const HttpRequest& request) {
  const std::optional<std::vector<std::string>> path = SegmentsOf(request.path);
  return path && std::ranges::any_of(Operations(), [&](const Operation& operation) {
           std::string id;
           return operation.asks_target && operation.method == request.method &&
                  MatchPath(operation.path, *path, &id);
         });
}

HttpAnswer RestApi::Handle(const HttpRequest& http) {
  const std::optional<std::vector<std::string>> path = SegmentsOf(http.path);
  if (!path) {
    return ProblemAnswer(400, "the path has a % that two hexadecimal digits do not follow");
  }
  RestRequest request(http);
  std::string allowed;
  for (const Operation& operation : Operations()) {
    if (!MatchPath(operation.path, *path, &request.id)) {
      continue;
    }
    if (operation.method == MethodOf(http)) {
      return Execute(operation, &request);
    }
    allowed += (allowed.empty() ? "" : ", ") + std::string(operation.method) +
               (operation.method == "GET" ? ", HEAD" : "");
  }
  if (allowed.empty()) {
    return ProblemAnswer(404, "there is nothing at " + http.path +
                                  ": GET /api/v1/openapi.json describes what there is");
  }
  HttpAnswer answer = ProblemAnswer(405, "this path knows the methods " + allowed);
  answer.headers.push_back({"Allow", allowed});
  return answer;
}

HttpAnswer RestApi::Execute(const Operation& operation, RestRequest* request) {
  options_.metrics->CountRequest(operation.name, "total");
  if (!AcceptsJson(request->http.HeaderOf("Accept"))) {
    return ProblemAnswer(406, "answers are JSON: Accept must include application/json");
  }
  Result<QueryParameters> query = ParseQuery(request->http.query);
  if (!query.ok()) {
    return ProblemAnswer(400, query.status().message());
  }
  std::vector<FieldError> unknown;
  for (const auto& [name, value] : *query) {
    if (std::ranges::find(operation.parameters, name) == operation.parameters.end()) {
      unknown.push_back({name, "is not a parameter of this path"});
    }
  }
  if (!unknown.empty()) {
    return ProblemAnswer(400, "the query has unknown parameters, see errors", unknown);
  }
  request->query = *std::move(query);
  const bool has_body =
      operation.body == Operation::Body::kRequired ||
      (operation.body == Operation::Body::kOptional && !request->http.body.empty());
  if (has_body) {
    if (Refusal refusal = ParseBody(request->http, &request->body)) {
      return *std::move(refusal);
    }
  }
  const auto begin = options_.clock->Now();
  HttpAnswer answer = (this->*operation.execute)(*request);
  if (answer.status < 400) {
    options_.metrics->CountRequest(operation.name, "success");
    options_.metrics->ObserveLatency(
        operation.name,
        std::chrono::duration_cast<std::chrono::microseconds>(options_.clock->Now() - begin));
  }
  return answer;
}

HttpAnswer RestAnswer(const nlohmann::ordered_json& json, int status) {
  return {.status = status, .content_type = "application/json", .body = DumpJson(json)};
}

std::optional<HttpAnswer> RestRequest::ReadBody(
    const std::function<void(const RequestReader&)>& read) const {
  std::vector<FieldError> errors;
  const RequestReader reader(body, "", &errors, Reading::kStrict);
  read(reader);
  reader.ReportUnknown();
  if (errors.empty()) {
    return std::nullopt;
  }
  return ProblemAnswer(422, "the body has wrong fields, see errors", errors);
}

HttpRoute RestRoute(RestApi* api) {
  return {.path = kRestPath,
          .and_below = true,
          .answer =
              [api](const HttpRequest& request) {
                try {
                  return api->Handle(request);
                } catch (const std::exception& error) {
                  // A library threw where it never should; the client still gets an answer.
                  spdlog::error("a request ended by an exception, error={}", error.what());
                  return ProblemAnswer(500, "internal error");
                }
              },
          .may_take_long = RestApi::MayTakeLong,
          .refuse = [](int status,
                       const std::string& reason) { return ProblemAnswer(status, reason); }};
}

}  // namespace cdc
