#pragma once

#include <string>

#include "base/status.h"

namespace cdc {

struct ListenAddress {
  std::string host;  // 0.0.0.0 if none was given
  int port = 0;
};

// Parses "host:port", ":port" or "[::1]:port". kInvalidArgument: anything else.
Result<ListenAddress> ParseListenAddress(const std::string& address);

}  // namespace cdc
