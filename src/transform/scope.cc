#include "transform/scope.h"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

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

Scope::Scope(const TaskSpec& spec) {
  for (const std::string& name : spec.exclude_collections) {
    // "db.collection", each of them a name or "*"; names hold no dot.
    const size_t dot = name.find('.');
    excluded_.push_back({.database = name.substr(0, dot),
                         .collection = dot == std::string::npos ? "*" : name.substr(dot + 1),
                         .from_start = false});
  }
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
  const auto matches = [&source](const Pattern& pattern) { return pattern.Matches(source); };
  return std::none_of(excluded_.begin(), excluded_.end(), matches) &&
         std::any_of(patterns_.begin(), patterns_.end(), matches);
}

std::vector<Scope::Match> Scope::Select(const Catalog& catalog) const {
  std::map<CollectionId, Match> matches;
  const auto add = [&](const std::shared_ptr<const Collection>& collection) {
    CollectionName name{catalog.DatabaseName(collection->database), collection->name};
    if (collection->state == ObjectState::kCreated && Covers(name)) {
      matches.try_emplace(collection->id, Match{std::move(name), collection});
    }
  };
  const bool named = std::all_of(patterns_.begin(), patterns_.end(), [](const Pattern& pattern) {
    return pattern.database != kAny && pattern.collection != kAny;
  });
  if (!named) {
    for (const auto& [id, collection] : catalog.collections) {
      add(collection);
    }
  }
  for (const Pattern& pattern : named ? patterns_ : std::vector<Pattern>{}) {
    const auto database = catalog.FindDatabase(pattern.database);
    const auto found = database ? catalog.FindByName(*database, pattern.collection) : nullptr;
    if (found != nullptr) {
      add(found);
    }
  }
  std::vector<Match> selected;
  for (auto& [id, match] : matches) {
    selected.push_back(std::move(match));
  }
  return selected;
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
