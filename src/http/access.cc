#include "http/access.h"

#include <algorithm>

#include <boost/beast/core/string.hpp>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/status.h"

namespace cdc {
namespace {

constexpr std::string_view kScheme = "Bearer ";
constexpr std::string_view kTokenCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/=";

}  // namespace

BearerTokens::BearerTokens(const std::vector<std::string>& tokens) {
  for (const std::string& token : tokens) {
    digests_.push_back(DigestOf(token));
  }
}

bool BearerTokens::Admit(const HttpRequest& request) const {
  if (digests_.empty()) {
    return true;
  }
  const std::string value = request.HeaderOf("Authorization");
  const std::string_view scheme = std::string_view(value).substr(0, kScheme.size());
  if (!boost::beast::iequals({scheme.data(), scheme.size()}, {kScheme.data(), kScheme.size()})) {
    return false;
  }
  std::string_view token = std::string_view(value).substr(kScheme.size());
  token.remove_prefix(std::min(token.find_first_not_of(' '), token.size()));
  const Digest digest = DigestOf(token);
  bool found = false;
  for (const Digest& known : digests_) {  // all of them: which one it is takes no other time
    const bool same = CRYPTO_memcmp(known.data(), digest.data(), digest.size()) == 0;
    found = found || same;
  }
  return found;
}

bool BearerTokens::IsValid(std::string_view token) {
  return !token.empty() && token.find_first_not_of(kTokenCharacters) == std::string_view::npos;
}

BearerTokens::Digest BearerTokens::DigestOf(std::string_view token) {
  Digest digest{};
  const int done =
      EVP_Digest(token.data(), token.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
  CDC_CHECK(done == 1);
  return digest;
}

}  // namespace cdc
