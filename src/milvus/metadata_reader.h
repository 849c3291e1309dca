#pragma once

#include <atomic>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "milvus/milvus_channel.h"
#include "model/rows.h"
#include "model/target_collection.h"

namespace cdc {

// Reads the metadata of one Milvus. Thread-safe.
class MetadataReader {
 public:
  // `channel` must outlive this.
  MetadataReader(MilvusChannel* channel, std::chrono::milliseconds timeout)
      : channel_(channel), timeout_(timeout) {}

  // Says hello with the credentials; returns the server's version text.
  Result<std::string> Connect(std::chrono::milliseconds timeout);

  // Milvus Lite lacks some calls and reads index parameters differently. Known from Connect on.
  bool is_lite() const { return is_lite_; }

  Result<std::vector<std::string>> ListDatabases();
  Result<std::vector<std::string>> ListCollections(const std::string& database);
  Result<std::vector<std::string>> ListPartitions(const CollectionName& name);
  Result<std::vector<TargetIndex>> ListIndexes(const CollectionName& name);

  // nullopt if there is no such collection (or database).
  Result<std::optional<TargetCollection>> Describe(const CollectionName& name);

 private:
  Result<std::vector<std::string>> ListAliases(const CollectionName& name);
  Status DescribePartitions(const CollectionName& name, TargetCollection* out);
  int CountReplicas(const CollectionName& name);
  Status DescribeLoad(const CollectionName& name, TargetCollection* out);

  MilvusChannel* const channel_;
  const std::chrono::milliseconds timeout_;
  std::atomic<bool> is_lite_ = false;
};

}  // namespace cdc
