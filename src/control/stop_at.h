#pragma once

#include <optional>
#include <vector>

#include "base/status.h"
#include "control/task_view.h"
#include "model/ids.h"
#include "model/task.h"
#include "model/task_progress.h"
#include "model/task_status.h"

// The end of a task, TaskSpec::stop_at. Pure functions.
namespace cdc {

// Whether a task with these policies can have an end. A copy shows what is there when it is made,
// so one that begins by itself may bring rows that are later. kInvalidArgument: not; with the cure.
Status CheckPoliciesWithEnd(const TaskSpec& spec);

// Whether a paused task needs another end for a resume; nullopt: it keeps its own. Errors:
// kFailedPrecondition, with the cure.
Status CheckEndReached(const TaskRecord& record, std::optional<Timestamp> stop_at);

// Whether a paused task can be resumed with the end `stop_at`. `present`: of the source, which is
// at or above all that can be on the target; needed only for an end that the task does not have.
// `copies`: what is stored of them. kFailedPrecondition, kInvalidArgument: with the cure.
Status CheckEnd(const TaskSpec& spec,
                Timestamp stop_at,
                std::optional<Timestamp> present,
                const std::vector<SnapshotProgress>& copies);

// Whether what the task has read shows that the source has passed `stop_at`. Never for a task that
// follows no channel.
bool HasReadToEnd(const TaskView& view);

// The present of a source that has certainly passed `stop_at`: what it gives as its present is a
// few seconds ahead of its clock.
Timestamp CertainlyAfter(Timestamp stop_at);

}  // namespace cdc
