#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "etcd/etcd_client.h"
#include "source/snapshot/storage.h"
#include "source/snapshot_source.h"

namespace cdc {

struct MilvusSnapshotsOptions {
  EtcdOptions etcd{};
  std::string root_path = "by-dev";    // Milvus's etcd.rootPath
  std::string meta_sub_path = "meta";  // Milvus's etcd.metaSubPath
};

// The stored rows of a Milvus whose metadata is in etcd and whose files are in `storage`.
Result<std::unique_ptr<SnapshotSource>> OpenMilvusSnapshots(const MilvusSnapshotsOptions& options,
                                                            std::unique_ptr<Storage> storage);

}  // namespace cdc
