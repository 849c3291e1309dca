#pragma once

#include "model/task.h"
#include "model/task_plan.h"
#include "pipeline/task_facts.h"
#include "snapshot/log_choice.h"

// What the facts mean for a new task: pure functions.
namespace cdc {

// What keeps the task from being created, in the order in which a create reports it, and beside
// that what becomes of the rows of each collection. Errors: see Replicator::Prepare.
PlanItems JudgeSource(const TaskSpec& spec, const TaskFacts& facts);

// What the logs of copied collections do meanwhile: one choice for all, since they share channels
// and are copied one after the other.
LogChoice ChooseCopyLog(const TaskSpec& spec, const TaskFacts& facts);

}  // namespace cdc
