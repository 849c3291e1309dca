#pragma once

#include <chrono>
#include <stop_token>
#include <string>
#include <utility>

#include <nlohmann/json_fwd.hpp>

#include "base/status.h"
#include "cli/tls_files.h"

namespace cdc::cli {

// The address of a server.
struct ServerAddress {
  std::string base;   // "http://host:port"
  std::string path;   // before "/cdc" behind a proxy, e.g. "/replication"
  std::string token;  // sent as `Authorization: Bearer <token>`; empty: none
  TlsFiles tls;
};

// Parses "http(s)://host[:port][/path]". The default scheme is http; the default port is the
// scheme's, but 8444 for a bare host. kInvalidArgument: malformed; the text is not quoted if it may
// hold a password.
Result<ServerAddress> ParseServerAddress(const std::string& text);

// Sends requests to a server's HTTP API, each on its own connection. Cheap to create.
class ApiClient {
 public:
  using Json = nlohmann::ordered_json;

  // The time limit of an answer. Operations wait for the target, a listing for nothing.
  static constexpr std::chrono::seconds kListLimit{10};
  static constexpr std::chrono::seconds kOperationLimit{60};
  static constexpr std::chrono::seconds kPlanLimit{300};  // it looks at each collection

  explicit ApiClient(ServerAddress address) : address_(std::move(address)) {}

  const std::string& base() const { return address_.base; }

  // Posts the request and returns the answer's `data`, or an empty object.
  //
  // kFailedPrecondition: the server refused; the message is the server's, with its code. The token
  // is in no message.
  // kUnavailable: no server, no answer within `limit`, or not the answer of a milvus-cdc. After "no
  // answer within" the request may still have been executed. kCancelled: stopped.
  Result<Json> Call(const std::string& type,
                    const Json& data,
                    std::chrono::seconds limit,
                    const std::stop_token& stop = {}) const;

  // Changes a task by a JSON merge patch and returns the task after it. Errors: as Call.
  Result<Json> Patch(const std::string& id, const Json& patch, std::chrono::seconds limit) const;

 private:
  const ServerAddress address_;
};

}  // namespace cdc::cli
