#pragma once

#include <vector>

#include "base/status.h"
#include "model/task.h"
#include "model/task_plan.h"
#include "pipeline/replication.h"

// What a create checks before it looks at the collections, and a plan tells: pure functions. Items
// are in the order in which a create reports their errors.
namespace cdc {

// Whether the target can be reached, and what it is.
PlanItems JudgeTarget(const TaskSpec& spec, const Result<TargetInfo>& target);

// How the task would write to it: sets the sink mode with its reason, and the target's identity.
PlanItems JudgeSink(const TargetInfo& target, TaskSpec* spec);

// Whether the other tasks with this target leave room for it; sets what it leaves to older ones.
PlanItems JudgeBesideOthers(const std::vector<const TaskSpec*>& siblings, TaskSpec* spec);

// Whether there may be one more task.
PlanItems JudgeLimit(size_t tasks, int max_tasks);

// Whether the positions in the request can be read.
PlanItems JudgePositions(const TaskSpec& spec);

// What only a server that is set to `experimental` does, see docs/experimental.md: whether it may
// be done here. kFailedPrecondition, with the cure.
Status CheckExperimental(bool experimental, const std::string& what);
// That a task has an end.
PlanItems JudgeEnd(bool experimental, const TaskSpec& spec);

}  // namespace cdc
