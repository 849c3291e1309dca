#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/catalog.h"
#include "model/ids.h"
#include "model/rows.h"
#include "model/task.h"
#include "scope/scope_rules.h"

namespace cdc {

// The databases and collections of the source that a task replicates. Immutable.
//
// `collection_infos` names collections of the database `default`, `db_collections` those of other
// databases; names may be patterns. What the user excludes and what is left to older tasks is not
// covered.
class Scope {
 public:
  explicit Scope(const TaskSpec& spec) : rules_(spec), stop_at_(spec.stop_at) {}

  bool Covers(const CollectionName& source) const;

  // A collection the task replicates, with its name on the source.
  struct Match {
    CollectionName name;
    std::shared_ptr<const Collection> collection;
  };
  // The covered collections of `catalog` in state Created, each once, sorted by id; not those
  // created after the task's `stop_at`. Names without globs are looked up, so a task on one
  // collection does not scan thousands.
  std::vector<Match> Select(const Catalog& catalog) const;

  // Whether the name is left to an older task with the same target.
  bool LeavesToOlder(const CollectionName& source) const { return rules_.LeavesToOlder(source); }

  // Whether this task creates and drops the database: not if all of it is excluded, or if
  // everything the task covers in it goes to another database.
  bool CoversDatabase(const std::string& database) const;
  // Whether all its collections are covered, except those excluded or left to older tasks.
  bool CoversAllOf(const std::string& database) const;

  // Where the collection begins if it is older than the task: the most that an entry wants which
  // covers it.
  StartFrom StartOf(const CollectionName& source) const;

  // Where the user wants collections to begin instead: by name on the source, texts by vchannel.
  const std::map<CollectionName, std::map<std::string, std::string>>& positions() const {
    return rules_.positions;
  }

  // The name on the target: by the collection's own mapping, otherwise by its database's.
  CollectionName Target(const CollectionName& source) const;
  std::string TargetDatabase(const std::string& source) const;

  // Whether something created at `created` exists for the task: it does not after its `stop_at`.
  bool IsInTime(Timestamp created) const { return stop_at_ == Timestamp{} || created <= stop_at_; }
  // 0: the task has no end.
  Timestamp stop_at() const { return stop_at_; }

  // Describes what is covered, for people: `"db.orders_*", "db.goods"`, quoted because blanks may
  // count; only the first few of many.
  std::string Describe() const;

 private:
  const ScopeRules rules_;
  const Timestamp stop_at_;
};

// Whether some entry of the task wants its collections to begin with their stored rows. Cheap:
// reads no pattern.
bool CopiesStoredRows(const TaskSpec& spec);

}  // namespace cdc
