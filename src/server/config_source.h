#pragma once

#include <string>

#include "server/config.h"
#include "server/config_values.h"

namespace cdc {

// Reads the keys below sourceConfig.
void ReadSource(ConfigValues* values, Config* config);

// Reads what both kinds of etcd have, in a section like "sourceConfig.etcd.".
void ReadEtcdConnection(ConfigValues* values, const std::string& section, EtcdConfig* etcd);
// An address is required, if this etcd is used.
void CheckEtcdAddress(ConfigValues* values, const std::string& section, EtcdConfig* etcd);

}  // namespace cdc
