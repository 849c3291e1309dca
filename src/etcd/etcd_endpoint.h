#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace cdc {

// One etcd address, parsed.
struct EtcdEndpoint {
  std::string address;  // "host:port" or "[::1]:port"
  bool tls = false;

  // "http://host:port" or "https://host:port", for messages.
  std::string ToString() const { return (tls ? "https://" : "http://") + address; }
};

// Parses "host:port", "http://host:port" or "https://host:port"; the default port is 2379. Without
// a scheme `default_tls` decides. kInvalidArgument: anything else, e.g. with a user or a path.
Result<EtcdEndpoint> ParseEtcdEndpoint(std::string_view text, bool default_tls);

}  // namespace cdc
