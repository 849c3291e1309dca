#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/table.h"
#include "cli/task_info.h"

namespace cdc::cli {

// How a task's state and condition look; the colour says whether a person has to do something.
Cell StateCell(const TaskInfo& task);
Cell ConditionCell(const TaskInfo& task);

// "everything", "db.*, default.a", at most three names and how many more.
std::string DescribeNames(const std::vector<std::string>& names);

// `task list`: a line per task under titles, or a sentence if there is none.
std::vector<std::string> FormatTaskList(const std::vector<TaskInfo>& tasks,
                                        const TableLayout& layout);

// `task get`: all that is known of a task.
std::vector<std::string> FormatTaskDetails(const TaskInfo& task,
                                           int64_t now_unix_ms,
                                           const TableLayout& layout);

}  // namespace cdc::cli
