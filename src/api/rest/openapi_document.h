#pragma once

#include <string_view>

namespace cdc {

// openapi.json: the description of the REST API.
std::string_view OpenApiDocument();

}  // namespace cdc
