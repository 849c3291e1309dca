#include "scope/scope_rules.h"

#include <algorithm>

namespace cdc {
namespace {

// In Milvus an empty database means the default one.
std::string DatabaseOf(const std::string& name) { return name.empty() ? kDefaultDatabase : name; }

}  // namespace

LeftToOlder::LeftToOlder(const LeftName& name)
    : pattern(ParseCollectionPattern(name.pattern)),
      except(name.except.begin(), name.except.end()) {}

bool LeftToOlder::Matches(const CollectionName& name) const {
  return pattern.Matches(name) &&
         std::none_of(except.begin(), except.end(),
                      [&name](const LeftToOlder& each) { return each.Matches(name); });
}

bool LeftToOlder::Covers(const CollectionPattern& other) const {
  return pattern.Covers(other) &&
         // The exceptions of an exception are ignored, which can only make the answer a false "no".
         std::none_of(except.begin(), except.end(),
                      [&other](const LeftToOlder& each) { return each.pattern.Intersects(other); });
}

ScopeRules::ScopeRules(const TaskSpec& spec) {
  std::map<CollectionPattern, StartFrom> starts;
  const auto include = [&](const std::string& database, const CollectionInfo& info) {
    const StartFrom otherwise =
        info.use_start_position ? std::max(spec.start_from, StartFrom::kEarliest) : spec.start_from;
    StartFrom& start = starts
                           .try_emplace({NamePattern(DatabaseOf(database)), NamePattern(info.name)},
                                        StartFrom::kLatest)
                           .first->second;
    start = std::max(start, info.start_from.value_or(otherwise));
    if (!info.positions.empty()) {
      positions[{DatabaseOf(database), info.name}] = info.positions;
    }
  };
  for (const CollectionInfo& info : spec.collection_infos) {
    include(kDefaultDatabase, info);
  }
  for (const auto& [database, infos] : spec.db_collections) {
    for (const CollectionInfo& info : infos) {
      include(database, info);
    }
  }
  for (const auto& [pattern, start] : starts) {
    included.push_back({.pattern = pattern, .start = start});
  }
  for (const std::string& text : spec.exclude) {
    excluded.push_back(ParseCollectionPattern(text));
  }
  for (const LeftName& name : spec.left_to_older) {
    left.emplace_back(name);
  }
  for (const NameMapping& mapping : spec.name_mapping) {
    const std::string source = DatabaseOf(mapping.source_database);
    const std::string target = DatabaseOf(mapping.target_database);
    if (mapping.collections.empty()) {
      database_names[source] = target;
    }
    for (const auto& [from, to] : mapping.collections) {
      collection_names[{source, from}] = {target, to};
    }
  }
}

bool ScopeRules::Excludes(const CollectionName& name) const {
  return std::any_of(excluded.begin(), excluded.end(),
                     [&name](const CollectionPattern& each) { return each.Matches(name); });
}

bool ScopeRules::LeavesToOlder(const CollectionName& name) const {
  return std::any_of(left.begin(), left.end(),
                     [&name](const LeftToOlder& each) { return each.Matches(name); });
}

bool ScopeRules::ExcludesAllOf(const CollectionPattern& pattern) const {
  return std::any_of(excluded.begin(), excluded.end(),
                     [&pattern](const CollectionPattern& each) { return each.Covers(pattern); });
}

bool ScopeRules::LeavesOutAllOf(const CollectionPattern& pattern) const {
  return ExcludesAllOf(pattern) ||
         std::any_of(left.begin(), left.end(),
                     [&pattern](const LeftToOlder& each) { return each.Covers(pattern); });
}

}  // namespace cdc
