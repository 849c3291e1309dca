#pragma once

#include <string_view>

namespace cdc {

// Whether a Content-Type is JSON: application/json or application/…+json, with any parameters.
bool IsJson(std::string_view content_type);

// Whether a client with this Accept header takes application/json. An empty one takes anything.
bool AcceptsJson(std::string_view accept);

}  // namespace cdc
