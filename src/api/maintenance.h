#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace cdc {

// Executes a maintenance operation of this process; the answer is a sentence, also on failure.
//
// set_log_level works. The operations on the message log are checked and answered as clients
// expect, but there is no such log here, so they change nothing.
std::string RunMaintenance(const std::string& operation, const nlohmann::json& params);

}  // namespace cdc
