#pragma once

#include "base/status.h"
#include "model/task.h"
#include "pipeline/replication.h"

namespace cdc {

// Decides in `spec` how changes get to the target that `info` describes, and why.
// kInvalidArgument: the mode that `spec` asks for does not fit it; the message names the cure.
Status ChooseSinkMode(const TargetInfo& info, TaskSpec* spec);

}  // namespace cdc
