#pragma once

#include "base/status.h"
#include "model/task.h"
#include "pipeline/replication.h"

namespace cdc {

// Decides in `spec` how changes get to the target that `info` describes, and why. kInvalidArgument:
// the requested mode does not fit the target; the message has the cure.
Status ChooseSinkMode(const TargetInfo& info, TaskSpec* spec);

}  // namespace cdc
