#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "model/catalog.h"
#include "source/snapshot/snapshot_plan.h"
#include "source/storage/storage.h"

namespace CLI {
class App;
}

namespace cdc {

// Which stored rows a program reads: options, and where they lead.
struct StoredOptions {
  std::string etcd;
  std::string root_path = "by-dev";
  std::string folder;  // of the storage; empty: S3
  S3StorageOptions s3;
  std::string database = "default";
  std::string collection;

  void AddTo(CLI::App* app);
};

struct Stored {
  std::shared_ptr<const Collection> collection;
  SnapshotPlan plan;
  std::unique_ptr<Storage> storage;  // nullptr: there is nothing to read
};

// kNotFound: no such collection.
Result<Stored> OpenStored(const StoredOptions& options);

}  // namespace cdc
