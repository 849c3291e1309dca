#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/status.h"

namespace cdc {

// Parses a request. kInvalidArgument: it is no JSON, or nested too deep. The message never quotes
// it: it may hold a token.
Result<nlohmann::json> ParseJson(std::string_view text);

// The text of an answer, with a newline at its end. What could end a script, if an answer is shown
// inside a web page, is escaped.
std::string DumpJson(const nlohmann::ordered_json& json);

}  // namespace cdc
