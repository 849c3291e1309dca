#include "api/rest/problem.h"

#include <string_view>

#include <nlohmann/json.hpp>

#include "api/json_text.h"

namespace cdc {
namespace {

// The standard phrases: of a status, not of what happened.
std::string_view Title(int status) {
  switch (status) {
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 422: return "Unprocessable Content";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    default: return "Internal Server Error";
  }
}

int HttpStatusOf(StatusCode code) {
  switch (code) {
    case StatusCode::kInvalidArgument:
    case StatusCode::kOutOfRange:
    // Of the token for the target, in the request; the one for this server is checked before.
    case StatusCode::kUnauthenticated:
    case StatusCode::kPermissionDenied: return 422;
    case StatusCode::kNotFound: return 404;
    case StatusCode::kAlreadyExists:
    case StatusCode::kFailedPrecondition:
    case StatusCode::kResourceExhausted: return 409;
    case StatusCode::kCancelled:
    case StatusCode::kAborted:
    case StatusCode::kUnavailable:
    case StatusCode::kDeadlineExceeded: return 503;
    default: return 500;
  }
}

}  // namespace

HttpAnswer ProblemAnswer(int status,
                         const std::string& detail,
                         const std::vector<FieldError>& errors) {
  nlohmann::ordered_json problem = {
      {"type", "about:blank"}, {"title", Title(status)}, {"status", status}, {"detail", detail}};
  if (!errors.empty()) {
    problem["errors"] = nlohmann::ordered_json::array();
    for (const FieldError& error : errors) {
      problem["errors"].push_back({{"field", error.field}, {"message", error.message}});
    }
  }
  return {.status = status, .content_type = "application/problem+json", .body = DumpJson(problem)};
}

HttpAnswer ProblemOf(const Status& status) {
  return ProblemAnswer(HttpStatusOf(status.code()), status.message());
}

}  // namespace cdc
