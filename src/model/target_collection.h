#pragma once

#include <set>
#include <string>
#include <vector>

#include "model/schema.h"

namespace cdc {

// A field has at most one index.
struct TargetIndex {
  std::string field;
  std::string name;              // empty: the target does not store names (Milvus Lite)
  std::vector<KeyValue> params;  // compare with SameIndexParams
  bool operator==(const TargetIndex&) const = default;
};

// A collection as described by the target.
struct TargetCollection {
  // Its id and creation time, which distinguish it from every other collection, also of other
  // servers and with the same name. Empty: the target does not report it (Milvus Lite).
  std::string identity;
  Schema schema;
  int shards = 1;
  std::vector<std::string> partitions;
  // The partition that was created with the collection and takes rows without a partition; its name
  // is a server setting. Empty: there are several (partition key).
  std::string default_partition;
  std::vector<KeyValue> properties;
  std::vector<std::string> aliases;  // sorted
  std::vector<TargetIndex> indexes;
  // Whether any of it is loaded or loading. Milvus cannot tell a whole collection from all of its
  // partitions. Without an index it counts as not loaded (Milvus Lite claims otherwise).
  bool loaded = false;
  std::set<std::string> loaded_partitions;  // or loading
  int replicas = 0;                         // of the loaded part; 0: unknown
  // False: the target can only load whole collections (Milvus Lite). LoadPartitions then loads
  // everything, and ReleasePartitions is kUnimplemented: leave the rest loaded, or release the
  // collection.
  bool loads_partitions = true;
  bool operator==(const TargetCollection&) const = default;
};

}  // namespace cdc
