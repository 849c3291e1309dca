#pragma once

#include <string>
#include <vector>

#include "model/task.h"

// How the tasks of one target share the collections of the source, so that no row is ever written
// by two tasks.
namespace cdc {

// What a new task must do because of those there are for the same target.
struct ScopeDecision {
  std::vector<std::string> duplicates;  // names an older task replicates: the new one is refused
  std::vector<LeftName> left;           // left to older tasks by the new one
};

// A name of an older task that covers one of the new task makes it a duplicate, unless the user
// has excluded some of it from the older task. What two names share otherwise ("db.*" and "*.c"
// share "db.c") is left to the older task, but for what that one excludes or itself leaves to
// others: that is free.
ScopeDecision CompareScopes(const TaskSpec& created, const std::vector<const TaskSpec*>& existing);

// As it is shown: "db.a", "db.* except db.a, db.b", "db.* except (db.a* except db.ab)".
std::string ShowLeftName(const LeftName& name);

}  // namespace cdc
