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

// A list or a file without a token must not open everything: that is an error. The default, an empty
// text, may be written down.
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

}  // namespace

void ReadHttp(ConfigValues* values, HttpConfig* http) {
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
