#pragma once

#include <optional>

#include "control/drain.h"
#include "model/task.h"
#include "model/task_status.h"
#include "pipeline/replication.h"

namespace cdc {

// A task as it is now: its stored record and its current status. For a task that does not run the
// condition is "paused", "retrying" (its start is retried) or "waiting" (for its first start), lags
// are unset, and the channels are those of its checkpoint.
struct TaskView {
  TaskRecord record;
  TaskStatus status;
  bool live = false;                     // has a replication; its lags and counts are measured
  std::optional<SourcePresent> present;  // only if requested
  std::optional<DrainStatus> drain;      // the last one since the server was started
};

}  // namespace cdc
