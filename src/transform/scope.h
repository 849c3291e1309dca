#pragma once

#include <string>
#include <vector>

#include "model/rows.h"
#include "model/task.h"

namespace cdc {

// Which databases and collections of the source a task replicates. Immutable.
//
// `collection_infos` names collections of the database `default`, `db_collections` those of the
// named databases; "*" stands for every database or collection. Excluded names are left to other
// tasks.
class Scope {
 public:
  explicit Scope(const TaskSpec& spec);

  bool Covers(const CollectionName& source) const;

  // Whether creating and dropping this database is the task's business.
  bool CoversDatabase(const std::string& database) const;

  // Whether rows that were there before the task are asked for (start_from or use_start_position).
  bool FromStart(const CollectionName& source) const;

  // The name on the target.
  CollectionName Target(const CollectionName& source) const { return source; }

 private:
  struct Pattern {
    std::string database;
    std::string collection;
    bool from_start;
    bool Matches(const CollectionName& name) const;
  };
  std::vector<Pattern> patterns_;
  std::vector<Pattern> excluded_;
};

}  // namespace cdc
