#pragma once

#include <string>
#include <utility>

#include "base/status.h"
#include "milvus/milvus_call.h"
#include "model/access.h"

namespace cdc {

// Reads and changes users, roles and grants of one Milvus. A light value, created for one use.
// Thread-safe. See AccessSink for the methods.
class AccessClient {
 public:
  explicit AccessClient(MilvusCalls calls) : calls_(std::move(calls)) {}

  Result<AccessSet> ListUsersAndRoles() const;
  Result<AccessSet> ListGrants(const std::string& role, const std::string& database) const;
  Status Apply(const AccessChange& change) const;
  Status CreateUser(const std::string& user, const std::string& password) const;
  Result<bool> ChangePassword(const std::string& user,
                              const std::string& old_password,
                              const std::string& new_password) const;

 private:
  Status ApplyUserRole(const AccessChange& change) const;
  Status ApplyGrant(const AccessChange& change) const;
  Status Call(const std::string& method, const google::protobuf::Message& request) const;

  const MilvusCalls calls_;
};

}  // namespace cdc
