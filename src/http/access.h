#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace cdc {

// The tokens that open a server, as in `Authorization: Bearer <token>` (RFC 6750). Immutable, so
// thread-safe. Comparing takes the same time whatever a client sends, right or wrong.
class BearerTokens {
 public:
  explicit BearerTokens(const std::vector<std::string>& tokens);

  // Whether there are none: every request may pass.
  bool empty() const { return digests_.empty(); }
  // Whether the request has one of them, and no second Authorization header.
  bool Admit(const HttpRequest& request) const;

  // Whether a text can be sent as a token: not empty, and of the characters that RFC 6750 allows.
  static bool IsValid(std::string_view token);

 private:
  // Of SHA-256: they have one length, so the time does not depend on the lengths of the tokens.
  using Digest = std::array<unsigned char, 32>;
  static Digest DigestOf(std::string_view token);

  std::vector<Digest> digests_;
};

}  // namespace cdc
