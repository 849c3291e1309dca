#pragma once

#include <map>
#include <string>
#include <utility>

#include "base/status.h"
#include "model/ddl.h"
#include "model/target_collection.h"

namespace cdc {

// The metadata of a target, in memory: databases, collections, partitions, indexes and load state
// change as in Milvus (idempotence, "not found", no drop of what is loaded). A load is done at
// once. Not thread-safe.
class TargetModel {
 public:
  // By database and collection.
  using Databases = std::map<std::string, std::map<std::string, TargetCollection>>;

  // What the server names the default partition of a new collection.
  explicit TargetModel(std::string default_partition = "_default")
      : default_partition_(std::move(default_partition)) {}

  // Status codes as for MetadataSink::Apply.
  Status Apply(const Ddl& ddl);

  // nullptr: there is none.
  TargetCollection* Find(const CollectionName& name);

  // To put in what exists already.
  Databases& databases() { return databases_; }
  const Databases& databases() const { return databases_; }

  // Whether it has been created in a model, and not been put in.
  static bool HasMade(const TargetCollection& collection);
  static bool HasPartition(const TargetCollection& collection, const std::string& partition);

  void NameDefaultPartition(std::string name) { default_partition_ = std::move(name); }

 private:
  Databases databases_;
  std::string default_partition_;
};

}  // namespace cdc
