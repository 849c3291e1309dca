#pragma once

#include <string>

namespace cdc {

// How to verify a TLS server and how to authenticate to it. Paths are of PEM files on this machine.
struct TlsOptions {
  std::string server_name;       // in its certificate; empty: the host of the address
  std::string authority_path;    // trusted authorities; empty: the system's
  std::string certificate_path;  // our own, with its key: both or neither
  std::string key_path;

  bool empty() const { return *this == TlsOptions{}; }
  bool operator==(const TlsOptions&) const = default;
};

}  // namespace cdc
