#pragma once

#include "etcd/etcd_client.h"
#include "server/config.h"

namespace cdc {

// How to reach the configured etcd: credentials only with enableAuth, files only with enableTLS.
EtcdOptions EtcdOptionsOf(const EtcdConfig& config);

}  // namespace cdc
