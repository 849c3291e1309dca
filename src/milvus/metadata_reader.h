#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "milvus/milvus_call.h"
#include "model/rows.h"
#include "model/target_collection.h"

namespace cdc {

struct MilvusVersion {
  std::string text;  // the server's own
  // Milvus Lite lacks some calls and expects index parameters in another form.
  bool is_lite = false;
};

// Connects with the channel's credentials, within the timeout of one call.
Result<MilvusVersion> GreetMilvus(const MilvusCalls& calls, const Clock& clock = Clock::Real());

// Reads the metadata of one Milvus. A light value, created for one use. Thread-safe.
class MetadataReader {
 public:
  MetadataReader(MilvusCalls calls, bool is_lite) : calls_(std::move(calls)), is_lite_(is_lite) {}

  Result<std::vector<std::string>> ListDatabases() const;
  Result<std::vector<std::string>> ListPartitions(const CollectionName& name) const;
  Result<std::vector<TargetIndex>> ListIndexes(const CollectionName& name) const;

  // nullopt: no such collection or database, or the name is an alias.
  Result<std::optional<TargetCollection>> Describe(const CollectionName& name) const;

 private:
  Result<std::vector<std::string>> ListAliases(const CollectionName& name) const;
  Status DescribePartitions(const CollectionName& name, TargetCollection* out) const;
  int CountReplicas(const CollectionName& name) const;
  Status DescribeLoad(const CollectionName& name, TargetCollection* out) const;

  const MilvusCalls calls_;
  const bool is_lite_;
};

}  // namespace cdc
