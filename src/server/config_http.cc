#include "server/config_http.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "http/access.h"

namespace cdc {
namespace {

constexpr int kLeastConnections = 16;
constexpr int kMostConnections = 65'536;
constexpr int kMostSeconds = 3'600;
constexpr int64_t kLeastBody = 1'024;
constexpr int64_t kMostBody = int64_t{1} << 30;

void CheckRange(
    ConfigValues* values, std::string_view path, int64_t value, int64_t least, int64_t most) {
  if (value < least || value > most) {
    values->Fail(path, "must be from " + std::to_string(least) + " to " + std::to_string(most) +
                           ", got " + std::to_string(value));
  }
}

// A list or a file without a token must not open everything: that is an error. The default, an
// empty text, may be written down.
void ReadTokens(ConfigValues* values, std::vector<std::string>* tokens) {
  constexpr std::string_view kSeparators = ", \t\r\n";
  std::string text;
  values->Read("http.token", &text);
  for (size_t begin = text.find_first_not_of(kSeparators); begin != std::string::npos;) {
    const size_t end = std::min(text.find_first_of(kSeparators, begin), text.size());
    tokens->push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(kSeparators, end);
  }
  constexpr std::string_view kNothing = "is empty: give a token, or leave the key out";
  const ConfigValue* const file = values->Find("http.tokenFile");
  if (tokens->empty() && file != nullptr && !file->text.empty()) {
    values->Fail("http.tokenFile", kNothing);
  } else if (tokens->empty() && !text.empty()) {
    values->Fail("http.token", kNothing);
  }
  for (const std::string& token : *tokens) {
    if (!BearerTokens::IsValid(token)) {
      values->Fail("http.token",
                   "may only have letters, digits and - . _ ~ + / =, e.g. the output of `openssl "
                   "rand -hex 32`");
      return;
    }
  }
}

void ReadTls(ConfigValues* values, HttpTlsOptions* tls) {
  values->Read("http.tls.certPath", &tls->cert_path);
  values->Read("http.tls.keyPath", &tls->key_path);
  values->Read("http.tls.clientCAPath", &tls->client_ca_path);
  std::string version = "1.2";
  values->Read("http.tls.minVersion", &version);
  tls->tls_1_3_only = version == "1.3";
  if (!tls->tls_1_3_only && version != "1.2") {
    values->Fail("http.tls.minVersion", "must be 1.2 or 1.3, got " + version);
  }
  // What is meant to be encrypted must not be served in clear.
  if (tls->cert_path.empty() && !(tls->key_path + tls->client_ca_path).empty()) {
    values->Fail("http.tls.certPath", "is missing: give the certificate of the server, too");
  } else if (tls->key_path.empty() && !tls->cert_path.empty()) {
    values->Fail("http.tls.keyPath", "is missing: give the key of the certificate, too");
  }
}

}  // namespace

void ReadHttp(ConfigValues* values, HttpConfig* http) {
  ReadTls(values, &http->tls);
  ReadTokens(values, &http->tokens);
  values->Read("http.openMetrics", &http->open_metrics);
  values->Read("http.maxConnections", &http->max_connections);
  if (http->max_connections != 0) {
    CheckRange(values, "http.maxConnections", http->max_connections, kLeastConnections,
               kMostConnections);
  }
  values->Read("http.requestTimeoutSeconds", &http->request_timeout_seconds);
  CheckRange(values, "http.requestTimeoutSeconds", http->request_timeout_seconds, 1, kMostSeconds);
  values->Read("http.maxBodyBytes", &http->max_body_bytes);
  CheckRange(values, "http.maxBodyBytes", http->max_body_bytes, kLeastBody, kMostBody);
}

}  // namespace cdc
