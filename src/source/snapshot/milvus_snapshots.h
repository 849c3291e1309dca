#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/status.h"
#include "etcd/etcd_client.h"
#include "source/snapshot_source.h"
#include "source/storage/storage.h"

namespace cdc {

struct MilvusSnapshotsOptions {
  EtcdOptions etcd{};
  std::string root_path = "by-dev";    // Milvus's etcd.rootPath
  std::string meta_sub_path = "meta";  // Milvus's etcd.metaSubPath
};

// Opens the storage. Called with the first plan and, after an error, with the next one: a Milvus
// makes its folder with its first file, and nobody else needs it.
using StorageOpener = std::function<Result<std::unique_ptr<Storage>>()>;

// The stored rows of a Milvus whose metadata is in etcd.
Result<std::unique_ptr<SnapshotSource>> NewMilvusSnapshots(const MilvusSnapshotsOptions& options,
                                                           StorageOpener open);

}  // namespace cdc
