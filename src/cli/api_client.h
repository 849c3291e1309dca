#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <utility>

#include <nlohmann/json_fwd.hpp>

#include "base/status.h"

namespace cdc::cli {

// Where a server listens.
struct ServerAddress {
  std::string base;  // "http://host:port"
  std::string path;  // in front of "/cdc" if a proxy is between, e.g. "/replication"
};

// Reads "http(s)://host[:port][/path]"; without a scheme http is meant, without a port that of the
// scheme, but 8444 for a bare host. kInvalidArgument, without repeating the text if it may hold a
// password.
Result<ServerAddress> ParseServerAddress(const std::string& text);

// Sends requests to a server's HTTP API, each over a connection of its own. Cheap to make.
class ApiClient {
 public:
  using Json = nlohmann::ordered_json;

  // How long to wait for an answer. Operations wait for the target, a listing for nobody.
  static constexpr std::chrono::seconds kListLimit{10};
  static constexpr std::chrono::seconds kOperationLimit{60};

  explicit ApiClient(ServerAddress address) : address_(std::move(address)) {}

  const std::string& base() const { return address_.base; }

  // Posts the request and returns the answer's `data`, an empty object if it has none.
  //
  // kFailedPrecondition: the server refused; the message is the server's own, with its code.
  // kUnavailable: no server, no answer within `limit`, or one that is not of a milvus-cdc. After
  // "no answer within" the request may have been carried out. kCancelled: `stop` was asked.
  Result<Json> Call(const std::string& type,
                    const Json& data,
                    std::chrono::seconds limit,
                    const std::stop_token& stop = {}) const;

 private:
  const ServerAddress address_;
};

}  // namespace cdc::cli
