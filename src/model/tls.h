#pragma once

#include <string>

namespace cdc {

// How a TLS server is checked and how we prove who we are. The paths are those of PEM files on this
// machine.
struct TlsOptions {
  std::string server_name;       // in its certificate; empty: the host of the address
  std::string authority_path;    // who may have signed it; empty: the system's authorities
  std::string certificate_path;  // ours, with its key: both or none
  std::string key_path;

  bool empty() const { return *this == TlsOptions{}; }
  bool operator==(const TlsOptions&) const = default;
};

}  // namespace cdc
