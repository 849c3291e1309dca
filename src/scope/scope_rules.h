#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/task.h"
#include "scope/collection_pattern.h"

namespace cdc {

// Names that are left to an older task, but for some.
struct LeftToOlder {
  CollectionPattern pattern;
  std::vector<LeftToOlder> except;

  explicit LeftToOlder(const LeftName& name);
  bool Matches(const CollectionName& name) const;
  // Whether it is all of the pattern's names. Never says yes wrongly.
  bool Covers(const CollectionPattern& other) const;
};

// The names, exclusions and mappings of a TaskSpec as patterns: the only place that reads them.
// Where a database is empty the default one is meant, as Milvus has it.
struct ScopeRules {
  struct Included {
    CollectionPattern pattern;
    bool from_start;  // rows from before the task are asked for
  };
  std::vector<Included> included;           // sorted by pattern, each once
  std::vector<CollectionPattern> excluded;  // by the user
  std::vector<LeftToOlder> left;            // to older tasks of the same target
  // Names on the target.
  std::map<CollectionName, CollectionName> collection_names;
  std::map<std::string, std::string> database_names;

  explicit ScopeRules(const TaskSpec& spec);

  bool Excludes(const CollectionName& name) const;
  bool LeavesToOlder(const CollectionName& name) const;

  // Whether the user has excluded all that the pattern matches. Never says yes wrongly.
  bool ExcludesAllOf(const CollectionPattern& pattern) const;
  // The same, with what is left to older tasks counted too.
  bool LeavesOutAllOf(const CollectionPattern& pattern) const;
};

}  // namespace cdc
