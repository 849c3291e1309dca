#include "sink/access/milvus_access.h"

namespace cdc {

AccessClient MilvusAccess::Client(const std::stop_token& stop) {
  return AccessClient({.channel = channel_, .timeout = timeout_, .stop = stop});
}

Result<AccessSet> MilvusAccess::ListUsersAndRoles(const std::stop_token& stop) {
  return Client(stop).ListUsersAndRoles();
}

Result<AccessSet> MilvusAccess::ListGrants(const std::string& role,
                                           const std::string& database,
                                           const std::stop_token& stop) {
  return Client(stop).ListGrants(role, database);
}

Status MilvusAccess::Apply(const AccessChange& change, const std::stop_token& stop) {
  return Client(stop).Apply(change);
}

Status MilvusAccess::CreateUser(const std::string& user,
                                const std::string& password,
                                const std::stop_token& stop) {
  return Client(stop).CreateUser(user, password);
}

Result<bool> MilvusAccess::ChangePassword(const std::string& user,
                                          const std::string& old_password,
                                          const std::string& new_password,
                                          const std::stop_token& stop) {
  return Client(stop).ChangePassword(user, old_password, new_password);
}

}  // namespace cdc
