#pragma once

#include "model/task.h"
#include "model/task_plan.h"
#include "pipeline/task_facts.h"

namespace cdc {

// How what the target has fits what the task would bring: a pure function. It has no errors, since
// a task can be created for a target that does not fit: the collections concerned are set aside.
PlanItems JudgeTargetState(const TaskSpec& spec, const TaskFacts& facts);

}  // namespace cdc
