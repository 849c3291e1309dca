#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace cdc {

// On one line. Bytes of a string that are not UTF-8 become U+FFFD, as in JsonBuffer.
inline std::string JsonText(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace cdc
