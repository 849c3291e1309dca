#include "metastore/mysql/mysql_options.h"

#include <array>
#include <charconv>
#include <sstream>
#include <string_view>

namespace cdc {
namespace {

constexpr std::string_view kForm = "user:password@tcp(host:port)/database";
constexpr int kMaxPort = 65'535;

Status Malformed(std::string_view what) {
  return InvalidArgumentError(std::string(what) + ", the form is " + std::string(kForm));
}

Status ReadAddress(std::string_view protocol, std::string_view address, MysqlOptions* options) {
  if (protocol == "unix") {
    if (address.empty()) {
      return Malformed("has unix without a path");
    }
    options->socket = address;
    return OkStatus();
  }
  if (protocol != "tcp" && !protocol.empty()) {
    return Malformed("has a network other than tcp and unix");
  }
  if (address.empty()) {
    return OkStatus();
  }
  // The last colon outside the brackets of an IPv6 address begins the port.
  const size_t bracket = address.rfind(']');
  const size_t colon = address.rfind(':');
  const bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  std::string_view host = has_port ? address.substr(0, colon) : address;
  if (has_port) {
    const std::string_view port = address.substr(colon + 1);
    const auto read = std::from_chars(port.data(), port.data() + port.size(), options->port);
    if (read.ec != std::errc() || read.ptr != port.data() + port.size() || options->port < 1 ||
        options->port > kMaxPort) {
      return Malformed("has a port that is not from 1 to 65535");
    }
  }
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  if (host.empty()) {
    return Malformed("has no host");
  }
  options->host = host;
  return OkStatus();
}

Status ReadTls(const std::string& value, MysqlOptions* options) {
  if (value == "false") {
    options->tls = MysqlOptions::Tls::kOff;
  } else if (value == "true") {
    options->tls = MysqlOptions::Tls::kVerified;
  } else if (value == "skip-verify" || value == "preferred") {
    options->tls = MysqlOptions::Tls::kUnverified;
  } else {
    return Malformed("has a tls other than true, false, skip-verify and preferred");
  }
  return OkStatus();
}

// Says how that driver talks or converts, which is decided here by other means.
bool IsHarmless(std::string_view name) {
  constexpr auto kHarmless = std::to_array<std::string_view>(
      {"charset", "collation", "parseTime", "loc", "interpolateParams", "multiStatements",
       "checkConnLiveness", "maxAllowedPacket", "timeout", "readTimeout", "writeTimeout"});
  for (const std::string_view harmless : kHarmless) {
    if (name == harmless) {
      return true;
    }
  }
  return false;
}

Status ReadParameters(const std::string& text, MysqlUrl* url) {
  std::istringstream parameters(text);
  for (std::string parameter; std::getline(parameters, parameter, '&');) {
    const size_t equals = parameter.find('=');
    const std::string name = parameter.substr(0, equals);
    const std::string value = equals == std::string::npos ? "" : parameter.substr(equals + 1);
    if (name == "tls") {
      CDC_RETURN_IF_ERROR(ReadTls(value, &url->options));
    } else if (!name.empty() && !IsHarmless(name)) {
      url->ignored.push_back(name);
    }
  }
  return OkStatus();
}

}  // namespace

Result<MysqlUrl> ParseMysqlUrl(const std::string& url) {
  // From the end, since a password may hold anything.
  const size_t slash = url.rfind('/');
  if (slash == std::string::npos) {
    return Malformed("has no slash before the database");
  }
  MysqlUrl parsed;
  const std::string rest = url.substr(slash + 1);
  const size_t question = rest.find('?');
  parsed.options.database = rest.substr(0, question);
  if (parsed.options.database.empty()) {
    return Malformed("names no database");
  }
  if (question != std::string::npos) {
    CDC_RETURN_IF_ERROR(ReadParameters(rest.substr(question + 1), &parsed));
  }
  const std::string server = url.substr(0, slash);
  const size_t at = server.rfind('@');
  const std::string address = at == std::string::npos ? server : server.substr(at + 1);
  if (at != std::string::npos) {
    const std::string account = server.substr(0, at);
    const size_t colon = account.find(':');
    parsed.options.user = account.substr(0, colon);
    parsed.options.password = colon == std::string::npos ? "" : account.substr(colon + 1);
  }
  const size_t open = address.find('(');
  if (open != std::string::npos && address.back() != ')') {
    return Malformed("has an address without a closing bracket");
  }
  CDC_RETURN_IF_ERROR(open == std::string::npos
                          ? ReadAddress(address, "", &parsed.options)
                          : ReadAddress(address.substr(0, open),
                                        address.substr(open + 1, address.size() - open - 2),
                                        &parsed.options));
  return parsed;
}

}  // namespace cdc
