#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/view/table.h"
#include "cli/view/task_info.h"

namespace cdc::cli {

// A task's state and condition; the colour shows whether somebody has to act.
Cell StateCell(const TaskInfo& task);
Cell ConditionCell(const TaskInfo& task);

// "everything", "db.*, default.a"; at most three names and the number of others.
std::string DescribeNames(const std::vector<std::string>& names);

// `task list`: a line per task under titles, or a sentence if there are none.
std::vector<std::string> FormatTaskList(const std::vector<TaskInfo>& tasks,
                                        const TableLayout& layout);

// "2 of 3 collections, 1 000 of 5 000 rows of default.c"; empty: the task copies nothing.
std::string DescribeSnapshots(const TaskInfo& task);

// `task get`: everything known of a task.
std::vector<std::string> FormatTaskDetails(const TaskInfo& task,
                                           int64_t now_unix_ms,
                                           const TableLayout& layout);

}  // namespace cdc::cli
