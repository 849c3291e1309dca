#include "server/etcd_options.h"

#include <string>

namespace cdc {

EtcdOptions EtcdOptionsOf(const EtcdConfig& config) {
  EtcdOptions options;
  for (const std::string& address : config.address) {
    const bool has_scheme = address.find("://") != std::string::npos;
    options.endpoints.push_back(config.enable_tls && !has_scheme ? "https://" + address : address);
  }
  if (config.enable_auth) {
    options.user = config.username;
    options.password = config.password;
  }
  if (config.enable_tls) {
    options.ca_file = config.tls_ca_cert_path;
    options.cert_file = config.tls_cert_path;
    options.key_file = config.tls_key_path;
    options.tls_13_only = config.tls_13_only;
  }
  return options;
}

}  // namespace cdc
