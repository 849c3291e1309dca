#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/task.h"
#include "scope/collection_pattern.h"

namespace cdc {

// Names that are left to an older task, with exceptions.
struct LeftToOlder {
  CollectionPattern pattern;
  std::vector<LeftToOlder> except;

  explicit LeftToOlder(const LeftName& name);
  bool Matches(const CollectionName& name) const;
  // Whether it includes all names of the pattern. False may be wrong, true never is.
  bool Covers(const CollectionPattern& other) const;
};

// The names, exclusions and mappings of a TaskSpec as patterns; nothing else reads them. As in
// Milvus, an empty database means the default one.
struct ScopeRules {
  struct Included {
    CollectionPattern pattern;
    StartFrom start;  // where collections that are older than the task begin
  };
  std::vector<Included> included;  // sorted by pattern, each once
  // Where collections begin that the user knows a place of: texts by vchannel.
  std::map<CollectionName, std::map<std::string, std::string>> positions;
  std::vector<CollectionPattern> excluded;  // by the user
  std::vector<LeftToOlder> left;            // to older tasks of the same target
  // Names on the target.
  std::map<CollectionName, CollectionName> collection_names;
  std::map<std::string, std::string> database_names;

  explicit ScopeRules(const TaskSpec& spec);

  bool Excludes(const CollectionName& name) const;
  bool LeavesToOlder(const CollectionName& name) const;

  // Whether the user has excluded everything the pattern matches. False may be wrong, true never
  // is.
  bool ExcludesAllOf(const CollectionPattern& pattern) const;
  // The same, also counting what is left to older tasks.
  bool LeavesOutAllOf(const CollectionPattern& pattern) const;
};

}  // namespace cdc
