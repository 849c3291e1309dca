#pragma once

#include <nlohmann/json_fwd.hpp>

#include "cli/commands.h"
#include "cli/exit_code.h"

namespace cdc::cli {

// Asks what a create with this request would find and do, and shows it. kCannotStart: the create
// would be refused.
ExitCode PlanTask(const CommandContext& context, const nlohmann::ordered_json& request);

}  // namespace cdc::cli
