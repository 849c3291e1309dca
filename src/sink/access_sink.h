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
};

}  // namespace cdc
