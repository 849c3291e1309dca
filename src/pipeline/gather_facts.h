#pragma once

#include "model/task.h"
#include "pipeline/replicator.h"
#include "pipeline/task_facts.h"

namespace cdc {

enum class GatherFor {
  kCreate,
  // Also what only a reader of the plan wants to know: whether the queue holds the rows that
  // `latest` would leave out, and what the target has.
  kPlan,
};

// Finds out what a new task needs to know of the source, its queue and its stored rows, and changes
// nothing anywhere. Never fails: an error is one of the facts. A queue or a storage that does not
// answer is waited for once: its first error that may pass is taken for all that is left to ask of
// it. `target`: as CheckTarget has found it; nullptr: it cannot be reached. `copy_rate`: see
// TaskFacts.
TaskFacts GatherFacts(const ReplicatorOptions& options,
                      const TaskSpec& spec,
                      const TargetInfo* target,
                      double copy_rate,
                      GatherFor purpose);

}  // namespace cdc
