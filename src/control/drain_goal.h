#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "control/task_view.h"
#include "model/ids.h"
#include "pipeline/replication.h"

// What a task still lacks to be at a point of the source's history. Pure functions.
namespace cdc {

// Whether the task is to run, so that it can still reach a goal; else the error says what is on the
// target and names the cure. One that has just failed counts until it is paused or restarted; a
// dry run never reaches one.
Status CheckRuns(const TaskView& view);

// What the target still lacks to have everything up to the goal, as sentences, most important
// first; empty: nothing. `accept_waiting` ignores what the target refuses apart from the rows (the
// condition `waiting`). A task with nothing to do lacks nothing.
std::vector<std::string> MissingFor(const TaskView& view,
                                    const SourcePresent& goal,
                                    bool accept_waiting);

// What the target lacks to have every row up to `ts`, and the metadata as far as the task has read
// it. Unlike above, the task may be paused.
std::vector<std::string> MissingUpTo(const TaskView& view, Timestamp ts);

// The first three of them, and how many more there are.
std::string Summarize(const std::vector<std::string>& missing);

// A channel that has not reached the goal and gets no more ticks although nothing waits on our
// side: the source is dead. nullptr if there is none.
const ChannelStatus* FindStalled(const TaskView& view,
                                 const SourcePresent& goal,
                                 int64_t now_unix_ms);

// The advice for a source that does not come back.
std::string HowToForce(const TaskView& view);

// "470643311880437761 (2024-05-06 07:08:09.123Z)".
std::string FormatHybrid(Timestamp ts);

}  // namespace cdc
