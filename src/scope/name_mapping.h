#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "model/task.h"

// The names of a task's collections on the target, and the check that no two of them collide.
namespace cdc {

// What the request alone decides. kInvalidArgument: an invalid name, a mapping of what is excluded,
// two mappings of one source, or two sources with one target.
Status CheckNameMapping(const TaskSpec& spec, int max_name_length);

// kInvalidArgument: a mapping of something the task does not cover. A check of its own because
// clients know its place: after the connection and the comparison with other tasks.
Status CheckMappingIsCovered(const TaskSpec& spec);

// Finds a name of `created` whose target is also the target of a different source in an existing
// task: "db2.b of db1.a …"; empty if there is none. `created` must already leave to older tasks
// what it has to (see CompareScopes). Names that a new task on "*.*" does not map are not checked:
// which databases there will be is unknown.
std::string FindTargetCollision(const TaskSpec& created,
                                const std::vector<const TaskSpec*>& existing);

}  // namespace cdc
