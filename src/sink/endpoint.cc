#include "sink/endpoint.h"

#include <charconv>

namespace cdc {
namespace {

constexpr int kMilvusPort = 19530;
constexpr int kTlsPort = 443;

bool ConsumePrefix(std::string_view prefix, std::string_view* text) {
  if (!text->starts_with(prefix)) {
    return false;
  }
  text->remove_prefix(prefix.size());
  return true;
}

bool ParsePort(std::string_view text, int* port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *port);
  return error == std::errc() && end == text.data() + text.size() && *port > 0 && *port < 65536;
}

}  // namespace

std::string Endpoint::Address() const {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool Endpoint::IsLoopback() const {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

Result<Endpoint> ParseEndpoint(std::string_view uri) {
  const auto wrong = [uri](const std::string& what) {
    // A password in the uri must not reach a log.
    const bool has_secret = uri.find('@') != std::string_view::npos;
    return InvalidArgumentError("the uri of the target " + what +
                                (has_secret ? "" : ": " + std::string(uri)));
  };
  Endpoint endpoint;
  std::string_view rest = uri;
  if (ConsumePrefix("https://", &rest)) {
    endpoint.tls = true;
  } else if (!ConsumePrefix("http://", &rest)) {
    return wrong("must begin with http:// or https://");
  }
  if (rest.ends_with('/')) {
    rest.remove_suffix(1);
  }
  if (rest.find('@') != std::string_view::npos) {
    return wrong("must not hold a user; give a token");
  }
  if (rest.find_first_of("/?# ") != std::string_view::npos) {
    return wrong("must be host and port only");
  }
  std::string_view port;
  if (rest.starts_with('[')) {
    const size_t end = rest.find(']');
    if (end == std::string_view::npos) {
      return wrong("has an unclosed bracket");
    }
    endpoint.host = rest.substr(1, end - 1);
    port = rest.substr(end + 1);
    if (!port.empty() && !ConsumePrefix(":", &port)) {
      return wrong("must be host and port only");
    }
  } else {
    const size_t colon = rest.find(':');
    endpoint.host = rest.substr(0, colon);
    port = colon == std::string_view::npos ? "" : rest.substr(colon + 1);
    if (colon != std::string_view::npos && port.empty()) {
      return wrong("has an empty port");
    }
  }
  if (endpoint.host.empty()) {
    return wrong("has no host");
  }
  endpoint.port = endpoint.tls ? kTlsPort : kMilvusPort;
  if (!port.empty() && !ParsePort(port, &endpoint.port)) {
    return wrong("has a port that is no number from 1 to 65535");
  }
  return endpoint;
}

}  // namespace cdc
