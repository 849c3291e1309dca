#include "scope/scope.h"

#include <algorithm>
#include <map>
#include <utility>

namespace cdc {

bool Scope::Covers(const CollectionName& source) const {
  return !rules_.LeavesToOlder(source) && !rules_.Excludes(source) &&
         std::any_of(rules_.included.begin(), rules_.included.end(),
                     [&source](const auto& each) { return each.pattern.Matches(source); });
}

CollectionName Scope::Target(const CollectionName& source) const {
  const auto found = rules_.collection_names.find(source);
  return found == rules_.collection_names.end()
             ? CollectionName{TargetDatabase(source.database), source.collection}
             : found->second;
}

std::string Scope::TargetDatabase(const std::string& source) const {
  const auto found = rules_.database_names.find(source);
  return found == rules_.database_names.end() ? source : found->second;
}

std::vector<Scope::Match> Scope::Select(const Catalog& catalog) const {
  std::map<CollectionId, Match> matches;
  const auto add = [&](const std::shared_ptr<const Collection>& collection) {
    CollectionName name{catalog.DatabaseName(collection->database), collection->name};
    if (collection->state == ObjectState::kCreated && IsInTime(collection->created) &&
        Covers(name)) {
      matches.try_emplace(collection->id, Match{std::move(name), collection});
    }
  };
  // A pattern needs a scan of the whole catalog; plain names do not.
  const bool named = std::all_of(rules_.included.begin(), rules_.included.end(),
                                 [](const auto& each) { return each.pattern.IsLiteral(); });
  if (named) {
    for (const ScopeRules::Included& each : rules_.included) {
      const auto database = catalog.FindDatabase(each.pattern.database.text());
      const auto found =
          database ? catalog.FindByName(*database, each.pattern.collection.text()) : nullptr;
      if (found != nullptr) {
        add(found);
      }
    }
  } else {
    for (const auto& [id, collection] : catalog.collections) {
      add(collection);
    }
  }
  std::vector<Match> selected;
  for (auto& [id, match] : matches) {
    selected.push_back(std::move(match));
  }
  return selected;
}

bool Scope::CoversDatabase(const std::string& database) const {
  const NamePattern name(database);
  return std::any_of(
      rules_.included.begin(), rules_.included.end(), [&](const ScopeRules::Included& each) {
        const NamePattern& collection = each.pattern.collection;
        // A glob may stand for collections that stay in the database.
        return each.pattern.database.Matches(database) &&
               !rules_.ExcludesAllOf({name, collection}) &&
               (!collection.IsLiteral() ||
                Target({database, collection.text()}).database == TargetDatabase(database));
      });
}

bool Scope::CoversAllOf(const std::string& database) const {
  return std::any_of(rules_.included.begin(), rules_.included.end(),
                     [&](const ScopeRules::Included& each) {
                       return each.pattern.database.Matches(database) &&
                              each.pattern.collection.IsAny();
                     }) &&
         CoversDatabase(database);
}

StartFrom Scope::StartOf(const CollectionName& source) const {
  StartFrom start = StartFrom::kLatest;
  for (const ScopeRules::Included& each : rules_.included) {
    if (each.pattern.Matches(source)) {
      start = std::max(start, each.start);
    }
  }
  return start;
}

std::string Scope::Describe() const {
  constexpr size_t kNamed = 5;
  std::string text;
  for (size_t i = 0; i < std::min(kNamed, rules_.included.size()); ++i) {
    text += (i == 0 ? "\"" : ", \"") + rules_.included[i].pattern.ToString() + "\"";
  }
  if (rules_.included.size() > kNamed) {
    text += " and " + std::to_string(rules_.included.size() - kNamed) + " more";
  }
  if (!rules_.excluded.empty() || !rules_.left.empty()) {
    text += " (but for what is excluded)";
  }
  return text;
}

bool CopiesStoredRows(const TaskSpec& spec) {
  const auto any = [&spec](const std::vector<CollectionInfo>& infos) {
    return std::any_of(infos.begin(), infos.end(), [&spec](const CollectionInfo& info) {
      return info.start_from.value_or(spec.start_from) == StartFrom::kSnapshot;
    });
  };
  return any(spec.collection_infos) ||
         std::any_of(spec.db_collections.begin(), spec.db_collections.end(),
                     [&any](const auto& database) { return any(database.second); });
}

}  // namespace cdc
