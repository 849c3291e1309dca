#pragma once

#include "model/task_plan.h"
#include "pipeline/task_facts.h"
#include "snapshot/log_choice.h"

namespace cdc {

// Which rows of a collection a new task would bring to the target, and what keeps it from that.
PlanItems JudgeRows(const CollectionFacts& facts, const LogChoice& choice);

}  // namespace cdc
