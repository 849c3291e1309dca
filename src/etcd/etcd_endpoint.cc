#include "etcd/etcd_endpoint.h"

#include <algorithm>
#include <cctype>

namespace cdc {
namespace {

constexpr std::string_view kDefaultPort = "2379";

bool ConsumePrefix(std::string_view prefix, std::string_view* text) {
  if (!text->starts_with(prefix)) {
    return false;
  }
  text->remove_prefix(prefix.size());
  return true;
}

bool IsPort(std::string_view text) {
  return !text.empty() && text.size() <= 5 && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isdigit(static_cast<unsigned char>(c)) != 0;
  }) && std::stoi(std::string(text)) <= 65535;
}

}  // namespace

Result<EtcdEndpoint> ParseEtcdEndpoint(std::string_view text, bool default_tls) {
  EtcdEndpoint endpoint;
  std::string_view rest = text;
  if (ConsumePrefix("https://", &rest)) {
    endpoint.tls = true;
  } else if (!ConsumePrefix("http://", &rest)) {
    endpoint.tls = default_tls;
  }
  if (rest.ends_with('/')) {
    rest.remove_suffix(1);
  }
  // Not quoted in the message: the part before an @ may be a password.
  if (rest.find('@') != std::string_view::npos) {
    return InvalidArgumentError("an etcd endpoint must not hold a user, use the options for it");
  }
  if (rest.empty() || rest.find('/') != std::string_view::npos) {
    return InvalidArgumentError("not an etcd endpoint (host:port): " + std::string(text));
  }
  // The last colon outside of the brackets of an IPv6 address separates the port.
  const size_t bracket = rest.rfind(']');
  const size_t colon = rest.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  const std::string_view host = has_port ? rest.substr(0, colon) : rest;
  const std::string_view port = has_port ? rest.substr(colon + 1) : kDefaultPort;
  const bool plain_ipv6 = host.find(':') != std::string_view::npos && !host.starts_with('[');
  if (host.empty() || plain_ipv6 || !IsPort(port)) {
    return InvalidArgumentError("not an etcd endpoint (host:port): " + std::string(text));
  }
  endpoint.address = std::string(host) + ":" + std::string(port);
  return endpoint;
}

}  // namespace cdc
