#pragma once

#include <optional>
#include <string>

namespace cdc {

// A password that a user of the source has got. Passwords are base64 of the clear text, as Milvus'
// API has them: never to be stored or logged.
struct PasswordChange {
  std::string user;
  std::optional<std::string> old_password;  // nullopt: the user was created
  std::string password;
  bool operator==(const PasswordChange&) const = default;
};

}  // namespace cdc
