#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "model/task.h"

// Under which names the collections of a task stand on the target, and that no two of them meet.
namespace cdc {

// kInvalidArgument: a name that is none, a mapping of what the task does not cover, two for one
// source, two sources with one target.
Status CheckNameMapping(const TaskSpec& spec, int max_name_length);

// Which name of `created` would have the same target as another source's name of a task that is
// there: "db2.b of db1.a …"; empty if there is none. `created` leaves to older tasks what it has
// to (see CompareScopes). What a new task on "*.*" keeps the name of is not looked at: it is not
// known which databases there will be.
std::string FindTargetCollision(const TaskSpec& created,
                                const std::vector<const TaskSpec*>& existing);

}  // namespace cdc
