#pragma once

#include <span>

#include "server/config_keys.h"

namespace cdc {

// The keys without those that name the file of a secret. For config_keys.cc; others use
// ConfigKeys.
std::span<const ConfigKey> ConfigKeyTable();

}  // namespace cdc
