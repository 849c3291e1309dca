#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "model/access.h"
#include "model/ids.h"
#include "model/schema.h"

namespace cdc {

enum class ObjectState { kCreated, kCreating, kDropping, kDropped };

struct Database {
  DatabaseId id;
  std::string name;
  std::vector<KeyValue> properties;
  uint64_t created_ns = 0;  // Unix nanoseconds
  bool operator==(const Database&) const = default;
};

struct Partition {
  PartitionId id;
  std::string name;
  Timestamp created;
  ObjectState state = ObjectState::kCreated;
  bool operator==(const Partition&) const = default;
};

struct Index {
  IndexId id;
  FieldId field;
  std::string name;
  std::vector<KeyValue> params;  // as given by the user
  bool operator==(const Index&) const = default;
};

// What is loaded for search. `loaded` includes loading: it reflects the user's request.
struct LoadState {
  bool loaded = false;
  bool whole_collection = false;  // by LoadCollection, not by LoadPartitions
  int replicas = 1;
  std::vector<PartitionId> partitions;  // sorted
  bool operator==(const LoadState&) const = default;
};

struct Collection {
  CollectionId id;
  DatabaseId database;
  std::string name;
  Schema schema;
  Timestamp created;
  int shards = 1;
  int consistency_level = 2;                     // milvus.proto.common.ConsistencyLevel
  std::vector<std::string> vchannels;            // in shard order
  std::vector<std::string> pchannels;            // parallel to vchannels
  std::map<std::string, MsgId> start_positions;  // by pchannel: its CreateCollection message
  std::vector<KeyValue> properties;
  ObjectState state = ObjectState::kCreated;
  std::vector<Partition> partitions;  // sorted by id; Created and Dropping ones
  std::vector<Index> indexes;         // sorted by id; without deleted ones
  std::vector<std::string> aliases;   // sorted
  LoadState load;
  bool operator==(const Collection&) const = default;

  const Partition* FindPartition(PartitionId id) const;
};

// The metadata of the source at one etcd revision. Immutable and cheap to copy. Holds the databases
// and collections that are Created or being removed (Dropping); removed ones are absent.
struct Catalog {
  int64_t revision = 0;
  std::map<DatabaseId, std::shared_ptr<const Database>> databases;
  std::unordered_map<CollectionId, std::shared_ptr<const Collection>> collections;
  std::shared_ptr<const Access> access;  // nullptr: the source keeps no users and roles
  // The Created collections by "database id/name", for FindByName. Filled by IndexNames.
  std::unordered_map<std::string, CollectionId> names;

  // nullptr if it does not exist.
  std::shared_ptr<const Collection> Find(CollectionId id) const;
  // The Created collection with this name; nullptr if it does not exist.
  std::shared_ptr<const Collection> FindByName(DatabaseId database, const std::string& name) const;
  // The id of the database; nullopt if it does not exist.
  std::optional<DatabaseId> FindDatabase(const std::string& name) const;
  // Call it once `collections` is complete.
  void IndexNames();
  // The database's name; "default" for the default database even if it has no record.
  std::string DatabaseName(DatabaseId id) const;
  // Distinguishes one Milvus from another that took its place: the creation time of its default
  // database. Empty if unknown (Milvus before 2.3, or its metadata is gone).
  std::string Identity() const;
};

}  // namespace cdc
