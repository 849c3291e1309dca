#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/catalog.h"
#include "model/ids.h"
#include "model/schema.h"

// Decoders for the values of Milvus' metadata keys. kDataLoss: the value does not fit its key.
namespace cdc {

struct DatabaseRecord {
  Database database;
  bool visible = true;
};

struct FieldRecord {
  Field field;
  bool visible = true;
};

struct AliasRecord {
  std::string alias;
  CollectionId collection;
  bool visible = true;
};

struct IndexRecord {
  Index index;
  bool visible = true;  // deleted ones stay in etcd as long as the collection
};

struct LoadRecord {
  int replicas = 1;
  bool whole_collection = false;
};

struct CollectionRecord {
  // Without parts that have their own keys: fields, functions, partitions, indexes, aliases, load.
  Collection collection;
  bool auto_id = false;
  // Only in records of Milvus 2.1 and earlier.
  std::vector<FieldRecord> fields;
  std::vector<Partition> partitions;
  std::vector<std::string> functions;
};

Result<DatabaseRecord> DecodeDatabase(DatabaseId id, std::string_view value);
// `database` comes from the key and is used if the value has none.
Result<CollectionRecord> DecodeCollection(CollectionId id,
                                          DatabaseId database,
                                          std::string_view value);
Result<Partition> DecodePartition(PartitionId id, std::string_view value);
Result<FieldRecord> DecodeField(FieldId id, std::string_view value);
// An array of structs, without its parts.
Result<FieldRecord> DecodeStructField(FieldId id, std::string_view value);
// Returns the serialized function unchanged, after checking it.
Result<std::string> DecodeFunction(std::string_view value);
Result<AliasRecord> DecodeAlias(std::string_view name, std::string_view value);
Result<AliasRecord> DecodeOldestAlias(std::string_view name, std::string_view value);
Result<IndexRecord> DecodeIndex(IndexId id, std::string_view value);
Result<LoadRecord> DecodeCollectionLoad(std::string_view value);
Status DecodePartitionLoad(PartitionId id, std::string_view value);

}  // namespace cdc
