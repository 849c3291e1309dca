#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace cdc {

// One address of etcd, taken apart.
struct EtcdEndpoint {
  std::string address;  // "host:port" or "[::1]:port"
  bool tls = false;

  // "http://host:port" or "https://host:port", for messages.
  std::string ToString() const { return (tls ? "https://" : "http://") + address; }
};

// Reads "host:port", "http://host:port" or "https://host:port"; a missing port is 2379. Without a
// scheme `default_tls` decides. kInvalidArgument: anything else, such as a user or a path in it.
Result<EtcdEndpoint> ParseEtcdEndpoint(std::string_view text, bool default_tls);

}  // namespace cdc
