#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace cdc {

// Where a Milvus listens.
struct Endpoint {
  std::string host;  // an IPv6 address without its brackets
  int port = 0;
  bool tls = false;

  // "host:port", "[::1]:port".
  std::string Address() const;
  bool IsLoopback() const;
};

// Parses http://host[:port] (19530) or https://host[:port] (443); a path of "/" is allowed.
// kInvalidArgument says what is wrong.
Result<Endpoint> ParseEndpoint(std::string_view uri);

}  // namespace cdc
