#pragma once

#include <string>
#include <string_view>

#include "control/task_manager.h"

namespace cdc {

// The ETag of a task: a quoted text that changes when its definition, state, condition, phase, the
// phase of its drain or the collections set aside change. What is measured (lags, counts,
// positions) does not change it, nor do credentials, of which a tag must not be a function.
std::string EntityTag(const TaskView& view);

// Whether an If-Match or If-None-Match header names the tag: it is in the list, or the list is "*".
bool NamesTag(std::string_view header, std::string_view tag);

}  // namespace cdc
