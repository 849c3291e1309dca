#pragma once

#include "server/config.h"
#include "server/config_values.h"

namespace cdc {

// Reads the section `http`; errors are collected in `values`.
void ReadHttp(ConfigValues* values, HttpConfig* http);

}  // namespace cdc
