#pragma once

#include <string>
#include <variant>
#include <vector>

#include "model/rows.h"
#include "model/schema.h"

// Changes of a target's metadata as values: planned by the reconciler, applied by the sink.
namespace cdc {

struct CreateDatabase {
  std::string name;
  bool operator==(const CreateDatabase&) const = default;
};
struct DropDatabase {
  std::string name;
  bool operator==(const DropDatabase&) const = default;
};
// Sets these properties; others stay.
struct AlterDatabase {
  std::string name;
  std::vector<KeyValue> properties;
  bool operator==(const AlterDatabase&) const = default;
};
struct CreateCollection {
  CollectionName name;
  Schema schema;  // without autoID flags if the target must accept the source's keys
  int shards = 1;
  int consistency_level = 2;
  int num_partitions = 0;  // 0 without a partition key
  std::vector<KeyValue> properties;
  bool operator==(const CreateCollection&) const = default;
};
struct DropCollection {
  CollectionName name;
  bool operator==(const DropCollection&) const = default;
};
struct RenameCollection {
  CollectionName from;
  CollectionName to;
  bool operator==(const RenameCollection&) const = default;
};
// Sets these properties; others stay.
struct AlterCollection {
  CollectionName name;
  std::vector<KeyValue> properties;
  bool operator==(const AlterCollection&) const = default;
};
// Moves the alias to this collection, also from another one that has it.
struct SetAlias {
  CollectionName name;
  std::string alias;
  bool operator==(const SetAlias&) const = default;
};
struct DropAlias {
  CollectionName name;  // the collection that has it
  std::string alias;
  bool operator==(const DropAlias&) const = default;
};
struct CreatePartition {
  CollectionName name;
  std::string partition;
  bool operator==(const CreatePartition&) const = default;
};
struct DropPartition {
  CollectionName name;
  std::string partition;
  bool operator==(const DropPartition&) const = default;
};
struct CreateIndex {
  CollectionName name;
  std::string field;
  std::string index;
  std::vector<KeyValue> params;
  bool operator==(const CreateIndex&) const = default;
};
struct DropIndex {
  CollectionName name;
  std::string field;
  std::string index;
  bool operator==(const DropIndex&) const = default;
};
struct LoadCollection {
  CollectionName name;
  int replicas = 1;
  bool operator==(const LoadCollection&) const = default;
};
struct ReleaseCollection {
  CollectionName name;
  bool operator==(const ReleaseCollection&) const = default;
};
struct LoadPartitions {
  CollectionName name;
  std::vector<std::string> partitions;
  int replicas = 1;
  bool operator==(const LoadPartitions&) const = default;
};
struct ReleasePartitions {
  CollectionName name;
  std::vector<std::string> partitions;
  bool operator==(const ReleasePartitions&) const = default;
};
struct Flush {
  CollectionName name;
  bool operator==(const Flush&) const = default;
};

using Ddl = std::variant<CreateDatabase,
                         DropDatabase,
                         AlterDatabase,
                         CreateCollection,
                         DropCollection,
                         RenameCollection,
                         AlterCollection,
                         SetAlias,
                         DropAlias,
                         CreatePartition,
                         DropPartition,
                         CreateIndex,
                         DropIndex,
                         LoadCollection,
                         ReleaseCollection,
                         LoadPartitions,
                         ReleasePartitions,
                         Flush>;

// Describe: e.g. "create collection default.hello", for logs. KindName: e.g. "CreateCollection",
// for metric labels.
std::string Describe(const Ddl& ddl);
std::string KindName(const Ddl& ddl);

}  // namespace cdc
