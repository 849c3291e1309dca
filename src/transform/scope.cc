#include "transform/scope.h"

#include <algorithm>
#include <string_view>

namespace cdc {
namespace {

constexpr std::string_view kAny = "*";

bool Matches(const std::string& pattern, const std::string& name) {
  return pattern == kAny || pattern == name;
}

}  // namespace

bool Scope::Pattern::Matches(const CollectionName& name) const {
  return cdc::Matches(database, name.database) && cdc::Matches(collection, name.collection);
}

Scope::Scope(const TaskSpec& spec)
    : excluded_(spec.exclude_collections.begin(), spec.exclude_collections.end()) {
  const bool earliest = spec.start_from == StartFrom::kEarliest;
  for (const CollectionInfo& info : spec.collection_infos) {
    patterns_.push_back({kDefaultDatabase, info.name, earliest || info.use_start_position});
  }
  for (const auto& [database, infos] : spec.db_collections) {
    for (const CollectionInfo& info : infos) {
      patterns_.push_back({database, info.name, earliest || info.use_start_position});
    }
  }
}

bool Scope::Covers(const CollectionName& source) const {
  return !excluded_.contains(source.ToString()) &&
         std::any_of(patterns_.begin(), patterns_.end(),
                     [&source](const Pattern& pattern) { return pattern.Matches(source); });
}

bool Scope::CoversDatabase(const std::string& database) const {
  return std::any_of(patterns_.begin(), patterns_.end(), [&database](const Pattern& pattern) {
    return cdc::Matches(pattern.database, database);
  });
}

bool Scope::FromStart(const CollectionName& source) const {
  return std::any_of(patterns_.begin(), patterns_.end(), [&source](const Pattern& pattern) {
    return pattern.from_start && pattern.Matches(source);
  });
}

}  // namespace cdc
