#include "cli/api_client.h"

#include <algorithm>
#include <cctype>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include <httplib.h>
#include <nlohmann/json.hpp>

#include "cli/tls_failure.h"
#include "cli/view/format.h"

namespace cdc::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::chrono::seconds kConnectLimit{5};
constexpr const char* kDefaultPort = ":8444";

Status Unreachable(const std::string& base, httplib::Error error, std::chrono::seconds limit) {
  switch (error) {
    case httplib::Error::Read:
      // Either nothing came in time or the server closed the connection; httplib does not say
      // which.
      return UnavailableError("no answer within " + std::to_string(limit.count()) + " s from " +
                              base + ", or it closed the connection");
    case httplib::Error::ConnectionTimeout:
      return UnavailableError("cannot reach " + base + ": no connection within " +
                              std::to_string(std::min(kConnectLimit, limit).count()) + " s");
    case httplib::Error::SSLConnection:
      return UnavailableError("cannot reach " + base + ": the connection ended while TLS began");
    case httplib::Error::SSLLoadingCerts:
      return InvalidArgumentError("the file with the authority is no certificate in PEM");
    default:
      // The library does not expose the system's reason.
      return UnavailableError("cannot reach " + base +
                              ": nothing listens there, or its name is not known");
  }
}

Status Foreign(const std::string& base, const std::string& what) {
  return UnavailableError(base + " is not a milvus-cdc server: it answered " + what);
}

// The command already says what it tried.
std::string WithoutPrefix(const std::string& type, const std::string& message) {
  const std::string prefix = "fail to handle the " + type + " request, error: ";
  return message.rfind(prefix, 0) == 0 ? message.substr(prefix.size()) : message;
}

Result<Json> ReadAnswer(const std::string& base,
                        const std::string& type,
                        const httplib::Response& response) {
  Json answer = Json::parse(response.body, nullptr, false);
  if (!answer.is_object() || !answer.contains("code") || !answer["code"].is_number_integer()) {
    return Foreign(base, response.status == 200 ? "something else"
                                                : "HTTP " + std::to_string(response.status));
  }
  const auto code = answer["code"].get<int64_t>();
  if (code != 200) {
    const Json message = answer.value("message", Json());
    const std::string text = message.is_string() ? message.get<std::string>() : "no reason given";
    return FailedPreconditionError(Printable(WithoutPrefix(type, text)) + " (" + base +
                                   " answered " + std::to_string(code) + ")");
  }
  if (!answer.contains("data")) {
    return Json::object();
  }
  Json data = std::move(answer["data"]);
  return data;
}

// A task, or why there is none.
Result<Json> ReadResource(const std::string& base, const httplib::Response& response) {
  Json answer = Json::parse(response.body, nullptr, false);
  if (response.status == 200 && answer.is_object()) {
    return answer;
  }
  const auto text_of = [](const Json& object, const char* key) {
    const Json value = object.is_object() ? object.value(key, Json()) : Json();
    return value.is_string() ? value.get<std::string>() : std::string();
  };
  std::string reason = text_of(answer, "detail");
  if (reason.empty()) {
    return Foreign(base, "HTTP " + std::to_string(response.status));
  }
  for (const Json& error : answer.value("errors", Json::array())) {
    const std::string message = text_of(error, "message");
    if (reason.find(message) == std::string::npos) {
      reason += "; " + text_of(error, "field") + ": " + message;
    }
  }
  return FailedPreconditionError(Printable(reason) + " (" + base + " answered " +
                                 std::to_string(response.status) + ")");
}

std::string BodyOf(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// As a segment of a path.
std::string Escaped(const std::string& text) {
  constexpr const char* kDigits = "0123456789ABCDEF";
  std::string escaped;
  for (const char each : text) {
    const auto byte = static_cast<unsigned char>(each);
    if (std::isalnum(byte) != 0 || std::string_view("-._~").find(each) != std::string_view::npos) {
      escaped += each;
    } else {
      escaped += {'%', kDigits[byte / 16], kDigits[byte % 16]};
    }
  }
  return escaped;
}

Result<httplib::Response> Send(const ServerAddress& address,
                               std::chrono::seconds limit,
                               const std::stop_token& stop,
                               const std::function<httplib::Result(httplib::Client&)>& send) {
  httplib::Client client(address.base, address.tls.cert, address.tls.key);
  if (!client.is_valid()) {
    return InvalidArgumentError("the certificate " + address.tls.cert + " and the key " +
                                address.tls.key +
                                " cannot be used: both must be PEM, and belong together");
  }
  if (!address.tls.ca.empty()) {
    client.set_ca_cert_path(address.tls.ca.c_str());
  }
  if (!address.token.empty()) {
    client.set_bearer_token_auth(address.token);
  }
  client.set_connection_timeout(std::min(kConnectLimit, limit).count());
  client.set_read_timeout(limit.count());
  client.set_write_timeout(limit.count());
  const std::stop_callback interrupt(stop, [&client] { client.stop(); });
  if (stop.stop_requested()) {
    return CancelledError("interrupted");
  }
  ForgetTlsErrors();
  const httplib::Result result = send(client);
  if (stop.stop_requested()) {
    return CancelledError("interrupted");
  }
  if (!result) {
    const bool is_certificate = result.error() == httplib::Error::SSLServerVerification;
    const std::optional<Status> of_tls = TlsFailure(
        address.base, is_certificate, is_certificate ? client.get_openssl_verify_result() : 0);
    return of_tls ? *of_tls : Unreachable(address.base, result.error(), limit);
  }
  return *result;
}

}  // namespace

Result<ServerAddress> ParseServerAddress(const std::string& text) {
  const std::string wanted = "the server's address must be http://host:port";
  if (text.find('@') != std::string::npos) {
    return InvalidArgumentError(wanted + ", without credentials");
  }
  const size_t scheme_end = text.find("://");
  const bool has_scheme = scheme_end != std::string::npos;
  const std::string scheme = has_scheme ? text.substr(0, scheme_end) : "http";
  const size_t begin = has_scheme ? scheme_end + 3 : 0;
  const size_t slash = text.find('/', begin);
  std::string host = text.substr(begin, slash == std::string::npos ? slash : slash - begin);
  const size_t colon = host.rfind(':');
  const size_t bracket = host.rfind(']');
  const bool has_port =
      colon != std::string::npos && (bracket == std::string::npos || colon > bracket);
  const std::string port = has_port ? host.substr(colon + 1) : "";
  const bool valid_port = !has_port || (!port.empty() && port.size() <= 5 &&
                                        port.find_first_not_of("0123456789") == std::string::npos &&
                                        std::stoi(port) > 0 && std::stoi(port) <= 65535);
  if ((scheme != "http" && scheme != "https") || host.empty() || host.front() == ':' ||
      !valid_port || text.find_first_of(" \t\r\n?#") != std::string::npos) {
    return InvalidArgumentError(wanted + ", got \"" + Printable(text) + "\"");
  }
  if (!has_port && !has_scheme) {
    host += kDefaultPort;
  }
  std::string path = slash == std::string::npos ? "" : text.substr(slash);
  while (!path.empty() && path.back() == '/') {
    path.pop_back();
  }
  return ServerAddress{
      .base = scheme + "://" + host, .path = std::move(path), .token = {}, .tls = {}};
}

Result<Json> ApiClient::Call(const std::string& type,
                             const Json& data,
                             std::chrono::seconds limit,
                             const std::stop_token& stop) const {
  const std::string body = BodyOf({{"request_type", type}, {"request_data", data}});
  CDC_ASSIGN_OR_RETURN(const httplib::Response response,
                       Send(address_, limit, stop, [&](httplib::Client& client) {
                         return client.Post(address_.path + "/cdc", body, "application/json");
                       }));
  return ReadAnswer(address_.base, type, response);
}

Result<Json> ApiClient::Patch(const std::string& id,
                              const Json& patch,
                              std::chrono::seconds limit) const {
  const std::string path = address_.path + "/api/v1/tasks/" + Escaped(id);
  CDC_ASSIGN_OR_RETURN(const httplib::Response response,
                       Send(address_, limit, {}, [&](httplib::Client& client) {
                         return client.Patch(path, BodyOf(patch), "application/merge-patch+json");
                       }));
  return ReadResource(address_.base, response);
}

}  // namespace cdc::cli
