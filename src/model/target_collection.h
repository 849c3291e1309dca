#pragma once

#include <set>
#include <string>
#include <vector>

#include "model/schema.h"

namespace cdc {

// A field has at most one.
struct TargetIndex {
  std::string field;
  std::string name;  // empty: the target keeps no names (Milvus Lite), whatever was given
  std::vector<KeyValue> params;  // compare with SameIndexParams
};

// One collection as the target describes it.
struct TargetCollection {
  // Tells it from every other one, of other servers too, whatever its name: its id and when it was
  // made. Empty: the target does not say (Milvus Lite).
  std::string identity;
  Schema schema;
  int shards = 1;
  std::vector<std::string> partitions;
  // The one that was made with the collection and takes rows without a partition. Its name is a
  // setting of the server. Empty: there are several (partition key).
  std::string default_partition;
  std::vector<KeyValue> properties;
  std::vector<std::string> aliases;  // sorted
  std::vector<TargetIndex> indexes;
  // Something of it is loaded or loading. Milvus cannot tell a whole collection from all of its
  // partitions. Without an index nothing counts as loaded (Milvus Lite calls such a collection so).
  bool loaded = false;
  std::set<std::string> loaded_partitions;  // or loading
  int replicas = 0;                         // of what is loaded; 0: not known
  // False: the target loads whole collections only (Milvus Lite). LoadPartitions then loads all,
  // and ReleasePartitions is kUnimplemented: leave the rest loaded, or release the collection.
  bool loads_partitions = true;
};

}  // namespace cdc
