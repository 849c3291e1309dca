#include "scope/name_mapping.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "scope/check_scope.h"
#include "scope/scope_rules.h"

namespace cdc {
namespace {

// Source names with their target names: one collection, or a pattern of which at most the database
// is renamed.
struct Image {
  CollectionPattern source;
  CollectionPattern target;

  // The source names whose target names are `of`.
  CollectionPattern Preimage(const CollectionPattern& of) const {
    if (source.IsLiteral() || source == target) {
      return source.IsLiteral() ? source : of;
    }
    return {source.database, of.collection};
  }
};

CollectionPattern LiteralPattern(const CollectionName& name) {
  return {NamePattern(name.database), NamePattern(name.collection)};
}

// Whether none of the pattern's names keeps its name on the target.
bool MapsAllOf(const ScopeRules& rules, const CollectionPattern& pattern) {
  return rules.database_names.contains(pattern.database.text()) ||
         rules.collection_names.contains({pattern.database.text(), pattern.collection.text()});
}

std::vector<Image> ImagesOf(const ScopeRules& rules) {
  // First collections with a mapping of their own, then patterns in mapped databases, then names
  // that stay the same.
  std::vector<Image> images;
  for (const auto& [from, to] : rules.collection_names) {
    images.push_back({LiteralPattern(from), LiteralPattern(to)});
  }
  for (const ScopeRules::Included& each : rules.included) {
    const auto& [database, collection] = each.pattern;
    for (const auto& [from, to] : rules.database_names) {
      const bool mapped = rules.collection_names.contains({from, collection.text()});
      if (database.Matches(from) && !mapped) {
        images.push_back({{NamePattern(from), collection}, {NamePattern(to), collection}});
      }
    }
    if (!MapsAllOf(rules, each.pattern)) {
      images.push_back({each.pattern, each.pattern});
    }
  }
  return images;
}

// Within one task, what the globs stand for is unknown, so only what is certainly a different
// source counts. A task on all databases may well rename one database to another.
std::optional<std::pair<Image, Image>> FindOwnCollision(const ScopeRules& rules) {
  std::vector<Image> images = ImagesOf(rules);
  std::erase_if(images, [](const Image& image) { return !image.source.database.IsLiteral(); });
  for (size_t i = 0; i < images.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (images[i].target.Intersects(images[j].target) &&
          !images[i].source.Intersects(images[j].source)) {
        return std::pair(images[j], images[i]);
      }
    }
  }
  return std::nullopt;
}

// Whether the target names of the two images may collide.
bool Collide(const ScopeRules& created,
             const Image& image,
             const ScopeRules& older,
             const Image& older_image) {
  const std::optional<CollectionPattern> shared = Shared(image.target, older_image.target);
  if (!shared) {
    return false;
  }
  const CollectionPattern source = image.Preimage(*shared);
  const CollectionPattern older_source = older_image.Preimage(*shared);
  const auto is_mapped_away = [](const ScopeRules& rules, const Image& of, const auto& name) {
    return of.source == of.target && MapsAllOf(rules, name);
  };
  // A source that both cover is left to the older task.
  return source != older_source && !created.LeavesOutAllOf(source) &&
         !older.LeavesOutAllOf(older_source) && !is_mapped_away(created, image, source) &&
         !is_mapped_away(older, older_image, older_source);
}

Status CheckName(const std::string& name, int max_length) {
  if (name.empty() || name.find_first_of(".*?") != std::string::npos ||
      name.size() > static_cast<size_t>(max_length)) {
    return InvalidArgumentError(
        "a name in the name mapping is empty, too long, or has a `*`, a `?` or a dot, [" + name +
        "]");
  }
  return OkStatus();
}

// A source collection may have blanks around its name; a mapping can remove them.
std::string_view WithoutBlanks(std::string_view name) {
  constexpr std::string_view kBlanks = " \t\n\v\f\r";
  const size_t begin = name.find_first_not_of(kBlanks);
  return begin == std::string_view::npos
             ? name
             : name.substr(begin, name.find_last_not_of(kBlanks) + 1 - begin);
}

// A whole database can be mapped only if the task covers it by a pattern; a collection always.
bool IsCovered(const ScopeRules& rules, const CollectionPattern& source) {
  return std::any_of(rules.included.begin(), rules.included.end(), [&source](const auto& each) {
    return source.IsLiteral()
               ? each.pattern.Covers(source)
               : !each.pattern.collection.IsLiteral() && each.pattern.Intersects(source);
  });
}

Status CheckNotExcluded(const ScopeRules& rules, const CollectionPattern& source) {
  // Not covered either: the other check knows the reason.
  if (IsCovered(rules, source) && rules.ExcludesAllOf(source)) {
    return InvalidArgumentError("the name mapping names what `exclude` leaves out, [" +
                                source.ToString() + "]");
  }
  return OkStatus();
}

// What a mapping renames: collections, or all of a database.
std::vector<CollectionPattern> SourcesOf(const NameMapping& mapping) {
  const NamePattern database(mapping.source_database);
  if (mapping.collections.empty()) {
    return {{database, NamePattern("*")}};
  }
  std::vector<CollectionPattern> sources;
  for (const auto& [from, to] : mapping.collections) {
    sources.push_back({database, NamePattern(from)});
  }
  return sources;
}

Status CheckMapping(const ScopeRules& rules, const NameMapping& mapping, int max_length) {
  CDC_RETURN_IF_ERROR(CheckName(mapping.source_database, max_length));
  CDC_RETURN_IF_ERROR(CheckName(mapping.target_database, max_length));
  CDC_RETURN_IF_ERROR(CheckNamePattern("name in the name mapping", mapping.source_database));
  for (const auto& [from, to] : mapping.collections) {
    CDC_RETURN_IF_ERROR(CheckName(from, max_length));
    CDC_RETURN_IF_ERROR(CheckName(to, max_length));
    CDC_RETURN_IF_ERROR(CheckNamePattern("name in the name mapping", WithoutBlanks(from)));
  }
  for (const CollectionPattern& source : SourcesOf(mapping)) {
    CDC_RETURN_IF_ERROR(CheckNotExcluded(rules, source));
  }
  return OkStatus();
}

Status CheckMappedOnce(const std::vector<NameMapping>& mappings) {
  std::set<CollectionName> sources;
  for (const NameMapping& mapping : mappings) {
    std::vector<CollectionName> names;
    for (const auto& [from, to] : mapping.collections) {
      names.push_back({mapping.source_database, from});
    }
    if (names.empty()) {
      names.push_back({mapping.source_database, "*"});
    }
    for (const CollectionName& name : names) {
      if (!sources.insert(name).second) {
        return InvalidArgumentError("the name mapping has two entries for " + name.ToString());
      }
    }
  }
  return OkStatus();
}

}  // namespace

Status CheckNameMapping(const TaskSpec& spec, int max_name_length) {
  const ScopeRules rules(spec);
  for (const NameMapping& mapping : spec.name_mapping) {
    CDC_RETURN_IF_ERROR(CheckMapping(rules, mapping, max_name_length));
  }
  CDC_RETURN_IF_ERROR(CheckMappedOnce(spec.name_mapping));
  if (const auto found = FindOwnCollision(rules)) {
    const auto& [first, second] = *found;
    return InvalidArgumentError("two names of the task have the same name on the target, " +
                                first.source.ToString() + " and " + second.source.ToString() +
                                " -> " + second.target.ToString());
  }
  return OkStatus();
}

Status CheckMappingIsCovered(const TaskSpec& spec) {
  const ScopeRules rules(spec);
  for (const NameMapping& mapping : spec.name_mapping) {
    for (const CollectionPattern& source : SourcesOf(mapping)) {
      if (!IsCovered(rules, source)) {
        return InvalidArgumentError(
            "the collection name in the name mapping is not in the collection info, checkout it");
      }
    }
  }
  return OkStatus();
}

std::string FindTargetCollision(const TaskSpec& created,
                                const std::vector<const TaskSpec*>& existing) {
  const ScopeRules rules(created);
  std::vector<Image> images = ImagesOf(rules);
  std::erase_if(images, [](const Image& image) { return image.source.database.IsAny(); });
  for (const TaskSpec* task : existing) {
    const ScopeRules older_rules(*task);
    const std::vector<Image> older_images = ImagesOf(older_rules);
    for (const Image& image : images) {
      for (const Image& older : older_images) {
        if (Collide(rules, image, older_rules, older)) {
          return image.target.ToString() + " of " + image.source.ToString() + " is the target of " +
                 older.source.ToString() + " in task " + task->id;
        }
      }
    }
  }
  return "";
}

}  // namespace cdc
