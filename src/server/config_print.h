#pragma once

#include <string>

#include "server/config_values.h"

namespace cdc {

// The effective configuration as YAML: every key, with a comment that says where its value comes
// from. Parsed again it is the same configuration, but for secrets, which are blanked.
std::string PrintConfig(const ConfigValues& values);

// The table of all keys in Markdown, for docs/configuration.md.
std::string PrintConfigReference();

}  // namespace cdc
