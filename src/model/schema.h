#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/ids.h"

namespace cdc {

// The numbers of milvus.proto.schema.DataType.
enum class DataType : int {
  kNone = 0,
  kBool = 1,
  kInt8 = 2,
  kInt16 = 3,
  kInt32 = 4,
  kInt64 = 5,
  kFloat = 10,
  kDouble = 11,
  kString = 20,
  kVarChar = 21,
  kArray = 22,
  kJson = 23,
  kGeometry = 24,
  kText = 25,
  kTimestamptz = 26,
  kBinaryVector = 100,
  kFloatVector = 101,
  kFloat16Vector = 102,
  kBFloat16Vector = 103,
  kSparseFloatVector = 104,
  kInt8Vector = 105,
  kArrayOfVector = 106,
  kArrayOfStruct = 200,
};

// "Int64", "FloatVector", … or "type 77".
std::string DataTypeName(DataType type);

struct KeyValue {
  std::string key;
  std::string value;
  auto operator<=>(const KeyValue&) const = default;
};

struct Field {
  FieldId id;
  std::string name;
  std::string description;
  DataType type = DataType::kNone;
  DataType element_type = DataType::kNone;  // of an Array
  std::vector<KeyValue> type_params;        // dim, max_length, max_capacity, …
  std::string default_value;                // serialized schema.ValueField, empty: none
  bool is_primary_key = false;
  bool auto_id = false;
  bool is_partition_key = false;
  bool is_clustering_key = false;
  bool is_dynamic = false;  // the hidden JSON field $meta
  bool nullable = false;
  bool is_function_output = false;
  bool operator==(const Field&) const = default;
};

// A collection as the user declared it. `fields` holds the user's fields by id, without the system
// fields RowID and Timestamp and without the dynamic field, which is the flag.
struct Schema {
  std::string description;
  std::vector<Field> fields;
  std::vector<std::string> functions;  // serialized schema.FunctionSchema
  bool enable_dynamic_field = false;
  bool operator==(const Schema&) const = default;

  const Field* PrimaryKey() const;
  bool HasPartitionKey() const;
  // The outputs of the collection's functions; a target computes them itself.
  std::vector<FieldId> FunctionOutputs() const;
};

// The fields that cannot be replicated because of their type (types of later versions, structs),
// one sentence each with the names of field and type.
std::vector<std::string> UnsupportedTypes(const Schema& schema);

// Why a collection of the target cannot store the rows of the source, one sentence per difference,
// including unsupported types; empty if it can. Allowed to differ: the autoID flag (the target
// keeps the source's keys), descriptions, field ids, and limits on array elements that the target
// does not store.
std::vector<std::string> SchemaDifferences(const Schema& source, const Schema& target);

}  // namespace cdc
