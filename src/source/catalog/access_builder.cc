#include "source/catalog/access_builder.h"

#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "model/ids.h"

namespace cdc {
namespace {

constexpr std::string_view kUsers = "users/";
constexpr std::string_view kRoles = "roles/";
constexpr std::string_view kUserRoles = "user-role-mapping/";
constexpr std::string_view kGrantees = "grantee-privileges/";
constexpr std::string_view kPrivileges = "grantee-id/";

// In etcd; the API's names are without it.
constexpr std::string_view kPrivilegeWord = "Privilege";

using Keys = std::map<std::string, std::string, std::less<>>;
// Gets the parts of a key behind its prefix, and the value.
using Visit = std::function<void(const std::vector<std::string>&, const std::string&)>;

std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> parts;
  for (;;) {
    const size_t slash = text.find('/');
    parts.emplace_back(text.substr(0, slash));
    if (slash == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(slash + 1);
  }
}

// A key with another number of parts is that of a tenant, of which Milvus has none.
void ForEach(const Keys& keys, std::string_view prefix, size_t parts, const Visit& visit) {
  for (auto at = keys.lower_bound(prefix); at != keys.end() && at->first.starts_with(prefix);
       ++at) {
    const std::vector<std::string> split = Split(std::string_view(at->first).substr(prefix.size()));
    if (split.size() == parts) {
      visit(split, at->second);
    }
  }
}

std::string ApiName(std::string_view privilege) {
  if (privilege.starts_with(kPrivilegeWord)) {
    privilege.remove_prefix(kPrivilegeWord.size());
  }
  return std::string(privilege);
}

}  // namespace

void AccessBuilder::Put(std::string_view key, std::string_view value) {
  touched_ = true;
  keys_.insert_or_assign(std::string(key),
                         key.starts_with(kGrantees) ? std::string(value) : std::string());
}

void AccessBuilder::Delete(std::string_view key) {
  const auto found = keys_.find(key);
  if (found != keys_.end()) {
    touched_ = true;
    keys_.erase(found);
  }
}

Access AccessBuilder::Assemble() const {
  Access access;
  ForEach(keys_, kUsers, 1,
          [&](const auto& parts, const auto&) { access.items.insert(AccessItem::User(parts[0])); });
  ForEach(keys_, kRoles, 1,
          [&](const auto& parts, const auto&) { access.items.insert(AccessItem::Role(parts[0])); });
  ForEach(keys_, kUserRoles, 2, [&](const auto& parts, const auto&) {
    if (access.items.contains(AccessItem::User(parts[0])) &&
        access.items.contains(AccessItem::Role(parts[1]))) {
      access.items.insert(AccessItem::UserRole(parts[0], parts[1]));
    }
  });
  std::map<std::string, std::vector<std::string>> privileges;
  ForEach(keys_, kPrivileges, 2, [&](const auto& parts, const auto&) {
    privileges[parts[0]].push_back(ApiName(parts[1]));
  });
  ForEach(keys_, kGrantees, 3, [&](const auto& parts, const std::string& id) {
    const auto found = privileges.find(id);
    if (found == privileges.end() || !access.items.contains(AccessItem::Role(parts[0]))) {
      return;
    }
    // Before Milvus 2.2.9 without a database.
    const size_t dot = parts[2].find('.');
    const std::string database =
        dot == std::string::npos ? kDefaultDatabase : parts[2].substr(0, dot);
    const std::string object = dot == std::string::npos ? parts[2] : parts[2].substr(dot + 1);
    for (const std::string& privilege : found->second) {
      access.items.insert(AccessItem::Grant(parts[0], parts[1], database, object, privilege));
    }
  });
  return access;
}

std::shared_ptr<const Access> AccessBuilder::Build(const std::shared_ptr<const Access>& before) {
  if (!std::exchange(touched_, false)) {
    return before;
  }
  Access access = Assemble();
  if (!access.items.contains(AccessItem::Role(kAdminRole)) &&
      !access.items.contains(AccessItem::Role(kPublicRole))) {
    return nullptr;
  }
  return before != nullptr && *before == access ? before
                                                : std::make_shared<const Access>(std::move(access));
}

}  // namespace cdc
