#include "reconcile/access/plan_access.h"

#include <optional>
#include <string_view>

#include "model/rows.h"

namespace cdc {
namespace {

using Kind = AccessItem::Kind;

constexpr const char* kAll = "*";
constexpr const char* kCollectionType = "Collection";
// The privileges that are groups of others, without their common prefix.
constexpr std::string_view kGroupWord = "Group";

bool IsOnEveryMilvus(const AccessItem& item) {
  return (item.kind == Kind::kUser && item.user == kRootUser) ||
         (item.kind == Kind::kRole && (item.role == kAdminRole || item.role == kPublicRole));
}

// The grant with the target's names; nullopt: the task does not replicate it.
std::optional<AccessItem> MapGrant(const AccessItem& grant, const Scope& scope) {
  AccessItem mapped = grant;
  const bool of_collection = grant.object_type == kCollectionType;
  const bool names_object = of_collection && grant.object != kAll;
  if (grant.database == kAll) {
    // A name in every database has no single name on the target.
    return names_object ? std::nullopt : std::optional(mapped);
  }
  if (names_object) {
    const CollectionName name{grant.database, grant.object};
    if (!scope.Covers(name)) {
      return std::nullopt;
    }
    const CollectionName target = scope.Target(name);
    mapped.database = target.database;
    mapped.object = target.collection;
    return mapped;
  }
  const bool covered =
      of_collection ? scope.CoversAllOf(grant.database) : scope.CoversDatabase(grant.database);
  mapped.database = scope.TargetDatabase(grant.database);
  return covered ? std::optional(mapped) : std::nullopt;
}

// Whether it is the task's own user, without whom it could not go on.
bool IsOwn(const AccessItem& item, const std::string& own_user) {
  return (item.kind == Kind::kUser || item.kind == Kind::kUserRole) && !own_user.empty() &&
         item.user == own_user;
}

}  // namespace

WantedAccess FindWantedAccess(const Access& source, const Scope& scope) {
  WantedAccess wanted;
  for (const AccessItem& item : source.items) {
    if (IsOnEveryMilvus(item)) {
      continue;
    }
    if (item.kind == Kind::kGrant && item.privilege.starts_with(kGroupWord)) {
      wanted.of_groups.insert(item);
      continue;
    }
    const std::optional<AccessItem> mapped =
        item.kind == Kind::kGrant ? MapGrant(item, scope) : std::optional(item);
    if (mapped.has_value()) {
      wanted.items.insert(*mapped);
    } else {
      wanted.outside.insert(item);
    }
  }
  return wanted;
}

AccessPlan PlanAccess(const AccessSet& wanted,
                      const AccessSet& target,
                      const AccessSet& recorded,
                      const std::string& own_user) {
  AccessPlan plan;
  // First what goes: a privilege that was taken away on the source is the most urgent.
  for (auto at = recorded.rbegin(); at != recorded.rend(); ++at) {
    if (wanted.contains(*at)) {
      continue;
    }
    if (!target.contains(*at) || IsOwn(*at, own_user)) {
      plan.forget.insert(*at);
    } else {
      plan.changes.push_back({.add = false, .item = *at});
    }
  }
  for (const AccessItem& item : wanted) {
    const bool exists = target.contains(item);
    if (!exists && item.kind == Kind::kUser) {
      plan.missing_users.push_back(item.user);
      continue;
    }
    if (!exists && item.kind == Kind::kUserRole && !target.contains(AccessItem::User(item.user))) {
      continue;  // it is among the missing
    }
    if (!recorded.contains(item)) {
      plan.record.insert(item);
    }
    if (!exists) {
      plan.changes.push_back({.add = true, .item = item});
    }
  }
  return plan;
}

}  // namespace cdc
