#pragma once

#include <vector>

#include "base/status.h"
#include "model/task.h"
#include "pipeline/replicator.h"
#include "sink/target.h"

namespace cdc {

// Changes what a stopped task covers, from `before` to what `task` says; see Replicator::Rescope.
//
// Collections that it did not cover begin as those of a new task (GatherFacts, JudgeSource), while
// the others of their channels go on where they are. Those that it no longer covers are forgotten.
Result<std::vector<ScopeNote>> RescopeTask(const ReplicatorOptions& options,
                                           const TaskSpec& before,
                                           const TaskRecord& task,
                                           const TargetInfo& target,
                                           double copy_rate);

}  // namespace cdc
