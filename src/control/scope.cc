#include "control/scope.h"

#include <algorithm>
#include <optional>
#include <set>

namespace cdc {
namespace {

constexpr const char* kAny = "*";

bool CoversPart(const std::string& pattern, const std::string& name) {
  return pattern == kAny || pattern == name;
}

std::optional<std::string> SharedPart(const std::string& a, const std::string& b) {
  if (CoversPart(a, b)) {
    return b;
  }
  return b == kAny ? std::optional(a) : std::nullopt;
}

CollectionName ParseName(const std::string& text) {
  const size_t dot = text.find('.');
  return dot == std::string::npos ? CollectionName{kDefaultDatabase, text}
                                  : CollectionName{text.substr(0, dot), text.substr(dot + 1)};
}

bool LeavesToOthers(const TaskSpec& task, const CollectionName& name) {
  return std::any_of(
      task.exclude_collections.begin(), task.exclude_collections.end(),
      [&name](const std::string& excluded) { return Covers(ParseName(excluded), name); });
}

// What both names mean, if there is any such collection.
std::optional<CollectionName> Shared(const CollectionName& a, const CollectionName& b) {
  std::optional<std::string> database = SharedPart(a.database, b.database);
  std::optional<std::string> collection = SharedPart(a.collection, b.collection);
  if (!database || !collection) {
    return std::nullopt;
  }
  return CollectionName{*std::move(database), *std::move(collection)};
}

}  // namespace

std::vector<CollectionName> ScopeOf(const TaskSpec& spec) {
  std::set<CollectionName> names;
  for (const CollectionInfo& info : spec.collection_infos) {
    names.insert({kDefaultDatabase, info.name});
  }
  for (const auto& [database, infos] : spec.db_collections) {
    for (const CollectionInfo& info : infos) {
      names.insert({database.empty() ? kDefaultDatabase : database, info.name});
    }
  }
  return {names.begin(), names.end()};
}

bool Covers(const CollectionName& pattern, const CollectionName& name) {
  return CoversPart(pattern.database, name.database) &&
         CoversPart(pattern.collection, name.collection);
}

ScopeDecision CompareScopes(const TaskSpec& created, const std::vector<const TaskSpec*>& existing) {
  std::set<CollectionName> duplicates;
  std::set<std::string> exclusions;
  for (const CollectionName& name : ScopeOf(created)) {
    for (const TaskSpec* task : existing) {
      for (const CollectionName& older : ScopeOf(*task)) {
        const std::optional<CollectionName> shared = Shared(name, older);
        if (!shared || LeavesToOthers(*task, *shared)) {
          continue;
        }
        if (Covers(older, name)) {
          duplicates.insert(name);
        } else {
          exclusions.insert(shared->ToString());
        }
      }
    }
  }
  return {{duplicates.begin(), duplicates.end()}, {exclusions.begin(), exclusions.end()}};
}

}  // namespace cdc
