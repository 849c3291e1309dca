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

// What a user declares of a collection. `fields` holds the user's fields in id order: neither the
// system fields RowID and Timestamp nor the dynamic field, which is the flag.
struct Schema {
  std::string description;
  std::vector<Field> fields;
  std::vector<std::string> functions;  // serialized schema.FunctionSchema
  bool enable_dynamic_field = false;
  bool operator==(const Schema&) const = default;

  const Field* PrimaryKey() const;
  bool HasPartitionKey() const;
  // The fields that a function of the collection computes; a target computes them itself.
  std::vector<FieldId> FunctionOutputs() const;
};

// The fields whose rows cannot be replicated because of their type, one sentence each with the
// field's name and the type's: types of later versions, and structs.
std::vector<std::string> UnsupportedTypes(const Schema& schema);

// The points in which a collection of the target cannot take the rows of the source, one sentence
// each; empty: it can. The autoID flag may differ (the target keeps the source's keys), and so may
// descriptions, field ids and a limit of an array's elements that the target does not keep.
// Unsupported types are among the points.
std::vector<std::string> SchemaDifferences(const Schema& source, const Schema& target);

}  // namespace cdc
