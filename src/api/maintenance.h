#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace cdc {

// Carries out a maintenance operation of this process; the answer is a sentence, failures too.
//
// set_log_level works. The operations about the log of messages are checked and answered as clients
// know them: there is no such log here, so they have nothing to change.
std::string RunMaintenance(const std::string& operation, const nlohmann::json& params);

}  // namespace cdc
