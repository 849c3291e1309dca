#pragma once

#include <optional>
#include <vector>

#include "base/status.h"
#include "control/task_view.h"
#include "model/ids.h"
#include "model/task.h"
#include "model/task_status.h"

// The end of a task, TaskSpec::stop_at. Pure functions.
namespace cdc {

// Whether a paused task can be resumed with this end; nullopt: with the one it has. `channels`: its
// stored checkpoints. kFailedPrecondition, kInvalidArgument: say why not and name the cure.
Status CheckEnd(const TaskRecord& record,
                const std::vector<ChannelStatus>& channels,
                std::optional<Timestamp> stop_at);

// Whether what the task has read shows that the source has passed `stop_at`. Never for a task that
// follows no channel.
bool HasReadToEnd(const TaskView& view);

// The present of a source that has certainly passed `stop_at`: what it gives as its present is a
// few seconds ahead of its clock.
Timestamp CertainlyAfter(Timestamp stop_at);

}  // namespace cdc
