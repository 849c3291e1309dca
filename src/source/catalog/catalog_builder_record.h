#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/catalog.h"
#include "model/ids.h"
#include "model/schema.h"

// The values of Milvus's metadata keys, decoded one by one. A value that is not what its key says
// is kDataLoss.
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
  // Without what has keys of its own: fields, functions, partitions, indexes, aliases, load state.
  Collection collection;
  bool auto_id = false;
  // Only in records of Milvus 2.1 and before.
  std::vector<FieldRecord> fields;
  std::vector<Partition> partitions;
  std::vector<std::string> functions;
};

Result<DatabaseRecord> DecodeDatabase(DatabaseId id, std::string_view value);
// `database`: of the key; counts where the value says nothing.
Result<CollectionRecord> DecodeCollection(CollectionId id,
                                          DatabaseId database,
                                          std::string_view value);
Result<Partition> DecodePartition(PartitionId id, std::string_view value);
Result<FieldRecord> DecodeField(FieldId id, std::string_view value);
// The serialized function as it is, after a look at it.
Result<std::string> DecodeFunction(std::string_view value);
Result<AliasRecord> DecodeAlias(std::string_view name, std::string_view value);
Result<AliasRecord> DecodeOldestAlias(std::string_view name, std::string_view value);
Result<IndexRecord> DecodeIndex(IndexId id, std::string_view value);
Result<LoadRecord> DecodeCollectionLoad(std::string_view value);
Status DecodePartitionLoad(PartitionId id, std::string_view value);

}  // namespace cdc
