#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/catalog.h"
#include "model/rows.h"
#include "model/task.h"
#include "scope/scope_rules.h"

namespace cdc {

// Which databases and collections of the source a task replicates. Immutable.
//
// `collection_infos` names collections of the database `default`, `db_collections` those of the
// named databases; names may have globs. What the user excludes, and what is left to older tasks,
// is not covered.
class Scope {
 public:
  explicit Scope(const TaskSpec& spec) : rules_(spec) {}

  bool Covers(const CollectionName& source) const;

  // A collection that the task replicates, with its name on the source.
  struct Match {
    CollectionName name;
    std::shared_ptr<const Collection> collection;
  };
  // The Created collections of `catalog` that are covered, each once, by id. Names without globs
  // are looked up, so that a task on one collection does not look at thousands.
  std::vector<Match> Select(const Catalog& catalog) const;

  // Whether the name is left to an older task of the same target.
  bool LeavesToOlder(const CollectionName& source) const { return rules_.LeavesToOlder(source); }

  // Whether creating and dropping this database is the task's business: not if all of it is
  // excluded, or if all that the task covers of it goes to another database.
  bool CoversDatabase(const std::string& database) const;
  // Whether all of its collections are covered, but for those excluded or left to older tasks.
  bool CoversAllOf(const std::string& database) const;

  // Whether rows that were there before the task are asked for (start_from or use_start_position).
  bool FromStart(const CollectionName& source) const;

  // The name on the target: that of a collection's own mapping, else in its database's one.
  CollectionName Target(const CollectionName& source) const;
  std::string TargetDatabase(const std::string& source) const;

  // What is covered, to be read by a person: `"db.orders_*", "db.goods"`, quoted because blanks may
  // count; of many the first ones.
  std::string Describe() const;

 private:
  const ScopeRules rules_;
};

}  // namespace cdc
