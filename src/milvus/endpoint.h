#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace cdc {

// The address of a Milvus.
struct Endpoint {
  std::string host;  // an IPv6 address without its brackets
  int port = 0;
  bool tls = false;

  // The address to connect to: "host:port", "[::1]:port".
  std::string Address() const;

  // The same text for all spellings of an address: lower case, no trailing dot, numeric addresses
  // in their usual form, this machine as 127.0.0.1. The scheme is left out, because a port has only
  // one listener.
  std::string Key() const;

  // Whether it is this machine, however that is written.
  bool IsLoopback() const;
};

// Parses http://host[:port] (default 19530) or https://host[:port] (default 443). A path of "/" is
// allowed, and the scheme may be in any case. kInvalidArgument says what is wrong.
Result<Endpoint> ParseEndpoint(std::string_view uri);

}  // namespace cdc
