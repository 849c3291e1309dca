#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "api/request_reader.h"
#include "api/rest/query_string.h"
#include "http/message.h"

namespace cdc {

inline constexpr const char* kRestPath = "/api/v1";

// A request whose path, method, query and body fit its operation. With its JSON it is a heavy
// header, for the sources of this room only.
struct RestRequest {
  explicit RestRequest(const HttpRequest& request) : http(request) {}

  const HttpRequest& http;
  std::string id;  // of the task in the path, decoded
  QueryParameters query;
  nlohmann::json body = nlohmann::json::object();

  // Reads the body by the strict rules; an answer if something in it is wrong.
  std::optional<HttpAnswer> ReadBody(const std::function<void(const RequestReader&)>& read) const;
};

HttpAnswer RestAnswer(const nlohmann::ordered_json& json, int status = 200);

}  // namespace cdc
