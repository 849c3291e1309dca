#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "cli/task_info.h"

namespace cdc::cli {

// The id of the task that `text` names: an id, or the beginning of exactly one. kNotFound: of none;
// kFailedPrecondition: of several, which the message names. An exact id always counts first.
Result<std::string> ResolveTaskId(const std::string& text, const std::vector<TaskInfo>& tasks);

}  // namespace cdc::cli
