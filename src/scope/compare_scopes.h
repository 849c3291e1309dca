#pragma once

#include <string>
#include <vector>

#include "model/task.h"

// How tasks with the same target share the collections of the source, so that no row is ever
// written by two tasks.
namespace cdc {

// What the existing tasks of the same target mean for a new task.
struct ScopeDecision {
  std::vector<std::string> duplicates;  // replicated by an older task: the new one is refused
  std::vector<LeftName> left;           // the new task leaves these to older ones
};

// A name of an older task that covers one of the new task makes that one a duplicate, unless the
// user has excluded part of it from the older task. Whatever else two names share ("db.*" and "*.c"
// share "db.c") is left to the older task, except for what that task excludes or leaves to others
// itself: that is free.
ScopeDecision CompareScopes(const TaskSpec& created, const std::vector<const TaskSpec*>& existing);

// Formats it, e.g. "db.a", "db.* except db.a, db.b", "db.* except (db.a* except db.ab)".
std::string ShowLeftName(const LeftName& name);

}  // namespace cdc
