#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "cli/view/task_info.h"

namespace cdc::cli {

// The id of the task that `text` names: an exact id, or the beginning of exactly one. kNotFound: of
// none. kFailedPrecondition: of several, listed in the message. An exact match wins.
Result<std::string> ResolveTaskId(const std::string& text, const std::vector<TaskInfo>& tasks);

}  // namespace cdc::cli
