#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"
#include "etcd/etcd_client.h"
#include "metastore/legacy/legacy_records.h"
#include "metastore/store_check.h"

// What the earlier program has in etcd.
namespace cdc::etcd_legacy {

// `path` in the folder `root`, which may be empty or end with slashes.
std::string Below(std::string root, const std::string& path);

// What it has below `root`, as of `revision`; 0: now. Errors: see EtcdClient.
Result<LegacyRecords> Read(EtcdClient* etcd, const std::string& root, int64_t revision);

// Removes exactly what was `checked`, at once, and returns how many keys they were.
// kFailedPrecondition: something of it has changed since, and nothing is removed.
Result<size_t> Remove(const EtcdOptions& options,
                      const std::string& root,
                      const LegacyFound& checked);

}  // namespace cdc::etcd_legacy
