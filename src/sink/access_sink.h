#pragma once

#include <stop_token>
#include <string>

#include "base/status.h"
#include "model/access.h"

namespace cdc {

// The users and roles of one target. Thread-safe. Never retries. Status codes as for RowSink;
// kCancelled: stopped.
class AccessSink {
 public:
  virtual ~AccessSink() = default;

  // All users, roles, and roles of users, without grants.
  virtual Result<AccessSet> ListUsersAndRoles(const std::stop_token& stop) = 0;

  // The grants to an existing role in a database of this very name (`*` is one). There may be more
  // in the answer, of other databases.
  virtual Result<AccessSet> ListGrants(const std::string& role,
                                       const std::string& database,
                                       const std::stop_token& stop) = 0;

  // A user cannot be added, for want of the password: kUnimplemented. A role that has grants cannot
  // be removed.
  virtual Status Apply(const AccessChange& change, const std::stop_token& stop) = 0;

  // Passwords are base64 of the clear text; no message of a status has them.
  virtual Status CreateUser(const std::string& user,
                            const std::string& password,
                            const std::stop_token& stop) = 0;
  // False: `old_password` is not the user's, or there is no such user. kInvalidArgument: the new
  // one is refused, whatever the old one is.
  virtual Result<bool> ChangePassword(const std::string& user,
                                      const std::string& old_password,
                                      const std::string& new_password,
                                      const std::stop_token& stop) = 0;
};

}  // namespace cdc
