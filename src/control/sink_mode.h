#pragma once

#include "base/status.h"
#include "model/task.h"
#include "pipeline/replication.h"

namespace cdc {

// Settles how changes get to the target that `info` tells of, and why, in `spec`.
// kInvalidArgument: the mode that `spec` asks for does not fit it; the message names the cure.
Status ChooseSinkMode(const Replicator::TargetInfo& info, TaskSpec* spec);

}  // namespace cdc
