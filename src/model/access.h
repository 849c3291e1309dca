#pragma once

#include <compare>
#include <set>
#include <string>

namespace cdc {

// One thing that a Milvus knows of who may do what. Privileges have the names of the API
// ("Insert"), without the prefix that they have in etcd.
struct AccessItem {
  // In the order in which they are created; they are removed in the reverse order.
  enum class Kind { kRole, kGrant, kUser, kUserRole };

  Kind kind = Kind::kRole;
  std::string user;         // of kUser, kUserRole
  std::string role;         // of all but kUser
  std::string object_type;  // of kGrant: Collection, Global or User
  std::string database;     // of kGrant; `*`: all
  std::string object;       // of kGrant; `*`: all
  std::string privilege;    // of kGrant; `*`: all

  static AccessItem User(std::string name);
  static AccessItem Role(std::string name);
  static AccessItem UserRole(std::string user, std::string role);
  static AccessItem Grant(std::string role,
                          std::string object_type,
                          std::string database,
                          std::string object,
                          std::string privilege);

  // For people: "role reader of user alice".
  std::string ToString() const;

  auto operator<=>(const AccessItem&) const = default;
};

using AccessSet = std::set<AccessItem>;

// Makes an item exist, or removes it.
struct AccessChange {
  bool add = true;
  AccessItem item;
  bool operator==(const AccessChange&) const = default;
};

// Who may do what on the source. Passwords are not part of it: a source has only their hashes.
struct Access {
  AccessSet items;
  bool operator==(const Access&) const = default;
};

// Every Milvus has them from its start on, and cannot drop them.
inline constexpr const char* kRootUser = "root";
inline constexpr const char* kAdminRole = "admin";
inline constexpr const char* kPublicRole = "public";

}  // namespace cdc
