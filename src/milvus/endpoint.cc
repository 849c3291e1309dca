#include "milvus/endpoint.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <memory>

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>

namespace cdc {
namespace {

constexpr int kMilvusPort = 19530;
constexpr int kTlsPort = 443;

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

bool ConsumePrefix(std::string_view prefix, std::string_view* text) {
  if (LowerCase(text->substr(0, prefix.size())) != prefix) {
    return false;
  }
  text->remove_prefix(prefix.size());
  return true;
}

std::string TextOf(int family, const void* address) {
  char text[INET6_ADDRSTRLEN] = {};
  return inet_ntop(family, address, text, sizeof(text)) == nullptr ? "" : text;
}

// Normalizes numeric addresses: "127.1", "0x7f000001", "0:0::1", "::ffff:10.0.0.7". A name is
// returned unchanged, without a DNS query.
std::string UsualForm(const std::string& host) {
  addrinfo hints = {};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) {
    return host;
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, &freeaddrinfo);
  if (found->ai_family == AF_INET) {
    sockaddr_in address = {};
    std::memcpy(&address, found->ai_addr, sizeof(address));
    return TextOf(AF_INET, &address.sin_addr);
  }
  sockaddr_in6 address = {};
  std::memcpy(&address, found->ai_addr, sizeof(address));
  if (IN6_IS_ADDR_V4MAPPED(&address.sin6_addr)) {
    return TextOf(AF_INET, &address.sin6_addr.s6_addr[12]);
  }
  // The same link-local address is a different host on another link.
  return TextOf(AF_INET6, &address.sin6_addr) +
         (address.sin6_scope_id == 0 ? "" : "%" + std::to_string(address.sin6_scope_id));
}

// The same text for all spellings of a host.
std::string UsualHost(const std::string& host) {
  std::string usual = LowerCase(host);
  if (usual.size() > 1 && usual.ends_with('.')) {
    usual.pop_back();
  }
  usual = UsualForm(usual);
  // 0.0.0.0 and :: connect to this machine, too.
  const bool is_here =
      usual == "localhost" || usual == "::1" || usual == "0.0.0.0" || usual == "::";
  return is_here ? "127.0.0.1" : usual;
}

std::string Join(const std::string& host, int port) {
  const bool is_v6 = host.find(':') != std::string::npos;
  return (is_v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

bool ParsePort(std::string_view text, int* port) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *port);
  return error == std::errc() && end == text.data() + text.size() && *port > 0 && *port < 65536;
}

}  // namespace

std::string Endpoint::Address() const { return Join(host, port); }

std::string Endpoint::Key() const { return Join(UsualHost(host), port); }

// A name may begin with "127." as well.
bool Endpoint::IsLoopback() const {
  const std::string usual = UsualHost(host);
  in_addr address = {};
  return usual.starts_with("127.") && inet_pton(AF_INET, usual.c_str(), &address) == 1;
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
    return wrong("must not contain a user; pass a token instead");
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
    return wrong("must have a port from 1 to 65535");
  }
  return endpoint;
}

}  // namespace cdc
