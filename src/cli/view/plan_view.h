#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "cli/view/console.h"

namespace cdc::cli {

// A plan of the server as a table, with the cure of each finding below it, and a last line that
// says whether the task can start.
std::vector<std::string> FormatPlan(const nlohmann::ordered_json& plan, const Console& console);

}  // namespace cdc::cli
