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

// Milvus takes an empty database for the default one.
std::string DatabaseOf(const std::string& name) { return name.empty() ? kDefaultDatabase : name; }

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
  for (const NameMapping& mapping : spec.name_mapping) {
    const std::string source = DatabaseOf(mapping.source_database);
    const std::string target = DatabaseOf(mapping.target_database);
    if (mapping.collections.empty()) {
      database_names_[source] = target;
    }
    for (const auto& [from, to] : mapping.collections) {
      collection_names_[{source, from}] = {target, to};
    }
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
  return !Excludes(source) &&
         std::any_of(patterns_.begin(), patterns_.end(),
                     [&source](const Pattern& pattern) { return pattern.Matches(source); });
}

bool Scope::Excludes(const CollectionName& source) const {
  return std::any_of(excluded_.begin(), excluded_.end(),
                     [&source](const Pattern& pattern) { return pattern.Matches(source); });
}

CollectionName Scope::Target(const CollectionName& source) const {
  const auto found = collection_names_.find(source);
  return found == collection_names_.end()
             ? CollectionName{TargetDatabase(source.database), source.collection}
             : found->second;
}

std::string Scope::TargetDatabase(const std::string& source) const {
  const auto found = database_names_.find(source);
  return found == database_names_.end() ? source : found->second;
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
  return std::any_of(patterns_.begin(), patterns_.end(), [&](const Pattern& pattern) {
    return cdc::Matches(pattern.database, database) &&
           (pattern.collection == kAny ||
            Target({database, pattern.collection}).database == TargetDatabase(database));
  });
}

bool Scope::CoversAllOf(const std::string& database) const {
  return std::any_of(patterns_.begin(), patterns_.end(), [&](const Pattern& pattern) {
    return cdc::Matches(pattern.database, database) && pattern.collection == kAny;
  });
}

bool Scope::FromStart(const CollectionName& source) const {
  return std::any_of(patterns_.begin(), patterns_.end(), [&source](const Pattern& pattern) {
    return pattern.from_start && pattern.Matches(source);
  });
}

}  // namespace cdc
