#include "model/access.h"

#include <utility>

namespace cdc {

AccessItem AccessItem::User(std::string name) {
  AccessItem item;
  item.kind = Kind::kUser;
  item.user = std::move(name);
  return item;
}

AccessItem AccessItem::Role(std::string name) {
  AccessItem item;
  item.kind = Kind::kRole;
  item.role = std::move(name);
  return item;
}

AccessItem AccessItem::UserRole(std::string user, std::string role) {
  AccessItem item;
  item.kind = Kind::kUserRole;
  item.user = std::move(user);
  item.role = std::move(role);
  return item;
}

AccessItem AccessItem::Grant(std::string role,
                             std::string object_type,
                             std::string database,
                             std::string object,
                             std::string privilege) {
  AccessItem item;
  item.kind = Kind::kGrant;
  item.role = std::move(role);
  item.object_type = std::move(object_type);
  item.database = std::move(database);
  item.object = std::move(object);
  item.privilege = std::move(privilege);
  return item;
}

std::string AccessItem::ToString() const {
  switch (kind) {
    case Kind::kRole: return "role " + role;
    case Kind::kUser: return "user " + user;
    case Kind::kUserRole: return "role " + role + " of user " + user;
    case Kind::kGrant:
      return "grant of " + privilege + " on " + object_type + " " + database + "." + object +
             " to role " + role;
  }
  return "";
}

}  // namespace cdc
