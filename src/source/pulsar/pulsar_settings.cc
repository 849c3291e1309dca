#include "source/pulsar/pulsar_settings.h"

#include <array>
#include <string_view>
#include <utility>

namespace cdc {
namespace {

constexpr std::string_view kJavaPrefix = "Authentication";
constexpr std::string_view kFileScheme = "file://";

std::string Lower(std::string_view text) {
  std::string lower;
  for (const char c : text) {
    lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return lower;
}

// "org.apache.pulsar.client.impl.auth.AuthenticationToken" is "token".
std::string PluginName(std::string_view plugin) {
  const std::string_view name = plugin.substr(plugin.rfind('.') + 1);
  return Lower(name.starts_with(kJavaPrefix) ? name.substr(kJavaPrefix.size()) : name);
}

// Without "file://".
std::string Path(std::string_view text) {
  return std::string(text.starts_with(kFileScheme) ? text.substr(kFileScheme.size()) : text);
}

Result<std::string> Need(const PulsarOptions& options, const std::string& key) {
  const auto found = options.auth_params.find(key);
  if (found == options.auth_params.end() || found->second.empty()) {
    return InvalidArgumentError("authParams: authPlugin " + options.auth_plugin + " needs " + key);
  }
  return found->second;
}

Result<PulsarAuth> Pair(const PulsarOptions& options,
                        PulsarAuthKind kind,
                        const std::string& first,
                        const std::string& second) {
  PulsarAuth auth{.kind = kind, .first = {}, .second = {}};
  CDC_ASSIGN_OR_RETURN(auth.first, Need(options, first));
  CDC_ASSIGN_OR_RETURN(auth.second, Need(options, second));
  return auth;
}

Result<PulsarAuth> Token(const PulsarOptions& options) {
  const auto file = options.auth_params.find("file");
  if (file != options.auth_params.end()) {
    return PulsarAuth{
        .kind = PulsarAuthKind::kTokenFile, .first = Path(file->second), .second = {}};
  }
  CDC_ASSIGN_OR_RETURN(const std::string token, Need(options, "token"));
  if (token.starts_with(kFileScheme)) {
    return PulsarAuth{.kind = PulsarAuthKind::kTokenFile, .first = Path(token), .second = {}};
  }
  return PulsarAuth{.kind = PulsarAuthKind::kToken, .first = token, .second = {}};
}

// Names of parameters that the Go client spells in another way.
constexpr auto kOauth2Names = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"issuerUrl", "issuer_url"},
    {"privateKey", "private_key"},
    {"clientId", "client_id"},
    {"clientSecret", "client_secret"},
});

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
    }
    quoted += c;
  }
  return quoted + "\"";
}

std::string Json(const std::map<std::string, std::string>& params) {
  std::string json = "{";
  for (const auto& [key, value] : params) {
    std::string_view name = key;
    for (const auto& [go, ours] : kOauth2Names) {
      name = name == go ? ours : name;
    }
    json += (json.size() > 1 ? "," : "") + Quoted(name) + ":" + Quoted(value);
  }
  return json + "}";
}

}  // namespace

Result<std::string> PulsarUrl(const std::string& address) {
  if (address.empty()) {
    return InvalidArgumentError("the address is empty");
  }
  const size_t scheme = address.find("://");
  if (scheme == std::string::npos) {
    return "pulsar://" + address;
  }
  const std::string name = address.substr(0, scheme);
  if (name != "pulsar" && name != "pulsar+ssl") {
    return InvalidArgumentError("the address begins with pulsar:// or pulsar+ssl://, not with " +
                                name + "://");
  }
  return address;
}

std::string PulsarTopic(const PulsarOptions& options, const std::string& channel) {
  return "persistent://" + options.tenant + "/" + options.name_space + "/" + channel;
}

Result<PulsarAuth> PulsarAuthOf(const PulsarOptions& options) {
  const std::string plugin = PluginName(options.auth_plugin);
  if (plugin.empty()) {
    return options.auth_params.empty()
               ? Result<PulsarAuth>(PulsarAuth())
               : InvalidArgumentError("authParams without authPlugin: for a token, it is token");
  }
  if (plugin == "token") {
    return Token(options);
  }
  if (plugin == "tls") {
    return Pair(options, PulsarAuthKind::kTls, "tlsCertFile", "tlsKeyFile");
  }
  if (plugin == "basic") {
    return Pair(options, PulsarAuthKind::kBasic, "username", "password");
  }
  if (plugin == "oauth2" || plugin == "athenz") {
    return PulsarAuth{
        .kind = plugin == "oauth2" ? PulsarAuthKind::kOauth2 : PulsarAuthKind::kAthenz,
        .first = Json(options.auth_params),
        .second = {}};
  }
  return InvalidArgumentError("authPlugin is token, tls, basic, oauth2 or athenz, not " +
                              options.auth_plugin);
}

}  // namespace cdc
