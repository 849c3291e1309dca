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

  // "host:port", "[::1]:port": where to connect to.
  std::string Address() const;

  // One text for all ways to write one address: in lower case, without a trailing dot, numbers in
  // their usual form, this machine as 127.0.0.1. Without the scheme: one port has one listener.
  std::string Key() const;

  bool IsLoopback() const;
};

// Parses http://host[:port] (19530) or https://host[:port] (443); a path of "/" is allowed. The
// scheme may be in any case.
// kInvalidArgument says what is wrong.
Result<Endpoint> ParseEndpoint(std::string_view uri);

}  // namespace cdc
