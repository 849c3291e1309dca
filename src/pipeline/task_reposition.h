#pragma once

#include <map>
#include <vector>

#include "base/status.h"
#include "model/given_position.h"
#include "model/ids.h"
#include "model/task.h"
#include "pipeline/replicator.h"

namespace cdc {

// Has a stopped task read collections from the places that a user gives, whatever it has stored of
// them; see Replicator::Reposition. `options`: with the store of the task.
//
// Between a place and what the target has, everything is in doubt and written in a way that cannot
// double it. The other collections of the channels stay where they are.
Result<std::vector<ScopeNote>> RepositionTask(const ReplicatorOptions& options,
                                              const TaskSpec& spec,
                                              const std::map<CollectionId, GivenPositions>& places,
                                              bool force);

}  // namespace cdc
