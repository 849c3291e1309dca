#pragma once

#include "base/status.h"
#include "model/task.h"
#include "model/task_plan.h"
#include "pipeline/replicator.h"
#include "sink/target.h"

// A create and its plan gather the same facts (GatherFacts) and judge them by the same functions,
// so the two agree on whether the task can be created.
namespace cdc {

// Finds out where a new task begins, and stores it: for every collection that exists, by what its
// request says (`start_from`, positions), and for the replicate channel. Collections created later
// begin at their own creation. `target`: as CheckTarget has found it. `copy_rate`: bytes per second
// that copies are expected to have.
//
// Whatever would fail later is found here, before the task exists. Errors: see Replicator::Prepare.
Status PrepareTask(const ReplicatorOptions& options,
                   const TaskSpec& spec,
                   const TargetInfo& target,
                   double copy_rate);

// Says what PrepareTask would find, and what the target has; see Replicator::Plan.
PlanItems PlanTask(const ReplicatorOptions& options,
                   const TaskSpec& spec,
                   const TargetInfo* target,
                   double copy_rate);

}  // namespace cdc
