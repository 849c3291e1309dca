#pragma once

#include <string>

#include "base/status.h"
#include "etcd/etcd_client.h"
#include "metastore/store_check.h"

namespace cdc {

// What is in the place of OpenEtcdMetaStore, at one revision. A write that has begun counts as made
// if the next owner would finish it. Errors: see EtcdClient; kFailedPrecondition: written by a
// newer program.
Result<StoreCheck> CheckEtcdStore(EtcdOptions etcd, const std::string& root_path);

}  // namespace cdc
