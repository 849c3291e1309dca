#pragma once

#include "model/task.h"
#include "model/task_plan.h"
#include "pipeline/task_facts.h"

namespace cdc {

// Whether a task with `stop_at` begins before its end, and anything of it existed then. Nothing for
// a task without one.
PlanItems JudgeStopAt(const TaskSpec& spec, const TaskFacts& facts);

}  // namespace cdc
