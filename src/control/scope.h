#pragma once

#include <string>
#include <vector>

#include "model/rows.h"
#include "model/task.h"

// Which collections a task is about, and how the tasks of one target share them. A name is a
// database and a collection, either of which may be "*".
namespace cdc {

// The names of a task, each once, sorted.
std::vector<CollectionName> ScopeOf(const TaskSpec& spec);

// Whether `pattern` names everything that `name` does.
bool Covers(const CollectionName& pattern, const CollectionName& name);

// What a new task must do because of those there are for the same target.
struct ScopeDecision {
  std::vector<CollectionName> duplicates;  // names an older task replicates: the new one is refused
  std::vector<std::string> exclusions;     // "db.collection": left to older tasks by the new one
};

// An older name that covers a new one makes it a duplicate, unless the older task leaves that name
// to another. An older name that the new one covers, or the part two names share ("db.*" and "*.c"
// share "db.c"), is excluded from the new task, so that no row is ever written by two tasks.
ScopeDecision CompareScopes(const TaskSpec& created, const std::vector<const TaskSpec*>& existing);

}  // namespace cdc
