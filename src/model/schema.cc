#include "model/schema.h"

#include <algorithm>

namespace cdc {
namespace {

std::string Param(const Field& field, std::string_view key) {
  for (const KeyValue& param : field.type_params) {
    if (param.key == key) {
      return param.value;
    }
  }
  return "";
}

const Field* FindField(const Schema& schema, std::string_view name) {
  const auto found = std::find_if(schema.fields.begin(), schema.fields.end(),
                                  [name](const Field& field) { return field.name == name; });
  return found == schema.fields.end() ? nullptr : &*found;
}

// Unknown types are not supported, nor are arrays of structs, whose parts a Schema cannot describe,
// and of vectors, which are such parts.
bool IsSupported(DataType type) {
  switch (type) {
    case DataType::kBool:
    case DataType::kInt8:
    case DataType::kInt16:
    case DataType::kInt32:
    case DataType::kInt64:
    case DataType::kFloat:
    case DataType::kDouble:
    case DataType::kString:
    case DataType::kVarChar:
    case DataType::kArray:
    case DataType::kJson:
    case DataType::kGeometry:
    case DataType::kText:
    case DataType::kTimestamptz:
    case DataType::kBinaryVector:
    case DataType::kFloatVector:
    case DataType::kFloat16Vector:
    case DataType::kBFloat16Vector:
    case DataType::kSparseFloatVector:
    case DataType::kInt8Vector: return true;
    case DataType::kNone:
    case DataType::kArrayOfVector:
    case DataType::kArrayOfStruct: break;
  }
  return false;
}

std::string YesNo(bool value) { return value ? "yes" : "no"; }

class FieldComparison {
 public:
  FieldComparison(const Field& source, std::vector<std::string>* out)
      : prefix_("field " + source.name + ": "), out_(out) {}

  void Expect(std::string_view what, const std::string& source, const std::string& target) {
    if (source != target) {
      out_->push_back(prefix_ + std::string(what) + " is " + (source.empty() ? "unset" : source) +
                      " on the source, " + (target.empty() ? "unset" : target) + " on the target");
    }
  }

 private:
  std::string prefix_;
  std::vector<std::string>* out_;
};

void CompareField(const Field& source, const Field& target, std::vector<std::string>* out) {
  FieldComparison compare(source, out);
  compare.Expect("type", DataTypeName(source.type), DataTypeName(target.type));
  if (source.type == DataType::kArray) {
    compare.Expect("element type", DataTypeName(source.element_type),
                   DataTypeName(target.element_type));
  }
  for (const char* key : {"dim", "max_length", "max_capacity"}) {
    const std::string there = Param(target, key);
    // Milvus Lite neither stores nor enforces limits on array elements.
    const bool has_no_limit = source.type == DataType::kArray && there.empty();
    if (!has_no_limit) {
      compare.Expect(key, Param(source, key), there);
    }
  }
  compare.Expect("primary key", YesNo(source.is_primary_key), YesNo(target.is_primary_key));
  compare.Expect("partition key", YesNo(source.is_partition_key), YesNo(target.is_partition_key));
  compare.Expect("nullable", YesNo(source.nullable), YesNo(target.nullable));
  compare.Expect("function output", YesNo(source.is_function_output),
                 YesNo(target.is_function_output));
}

}  // namespace

std::string DataTypeName(DataType type) {
  switch (type) {
    case DataType::kNone: return "None";
    case DataType::kBool: return "Bool";
    case DataType::kInt8: return "Int8";
    case DataType::kInt16: return "Int16";
    case DataType::kInt32: return "Int32";
    case DataType::kInt64: return "Int64";
    case DataType::kFloat: return "Float";
    case DataType::kDouble: return "Double";
    case DataType::kString: return "String";
    case DataType::kVarChar: return "VarChar";
    case DataType::kArray: return "Array";
    case DataType::kJson: return "JSON";
    case DataType::kGeometry: return "Geometry";
    case DataType::kText: return "Text";
    case DataType::kTimestamptz: return "Timestamptz";
    case DataType::kBinaryVector: return "BinaryVector";
    case DataType::kFloatVector: return "FloatVector";
    case DataType::kFloat16Vector: return "Float16Vector";
    case DataType::kBFloat16Vector: return "BFloat16Vector";
    case DataType::kSparseFloatVector: return "SparseFloatVector";
    case DataType::kInt8Vector: return "Int8Vector";
    case DataType::kArrayOfVector: return "ArrayOfVector";
    case DataType::kArrayOfStruct: return "ArrayOfStruct";
  }
  return "type " + std::to_string(static_cast<int>(type));
}

const Field* Schema::PrimaryKey() const {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [](const Field& field) { return field.is_primary_key; });
  return found == fields.end() ? nullptr : &*found;
}

bool Schema::HasPartitionKey() const {
  return std::any_of(fields.begin(), fields.end(),
                     [](const Field& field) { return field.is_partition_key; });
}

std::vector<FieldId> Schema::FunctionOutputs() const {
  std::vector<FieldId> out;
  for (const Field& field : fields) {
    if (field.is_function_output) {
      out.push_back(field.id);
    }
  }
  return out;
}

std::vector<std::string> UnsupportedTypes(const Schema& schema) {
  std::vector<std::string> out;
  const auto check = [&out](const Field& field, std::string_view what, DataType type) {
    if (!IsSupported(type)) {
      out.push_back("field " + field.name + ": " + std::string(what) +
                    " is not supported: " + DataTypeName(type));
    }
  };
  for (const Field& field : schema.fields) {
    check(field, "its type", field.type);
    if (field.type == DataType::kArray) {
      check(field, "its element type", field.element_type);
    }
  }
  return out;
}

std::vector<std::string> SchemaDifferences(const Schema& source, const Schema& target) {
  std::vector<std::string> out = UnsupportedTypes(source);
  for (const Field& field : source.fields) {
    const Field* same = FindField(target, field.name);
    if (same == nullptr) {
      out.push_back("field " + field.name + " is missing on the target");
    } else {
      CompareField(field, *same, &out);
    }
  }
  for (const Field& field : target.fields) {
    if (FindField(source, field.name) == nullptr) {
      out.push_back("field " + field.name + " is missing on the source");
    }
  }
  if (source.enable_dynamic_field != target.enable_dynamic_field) {
    out.push_back("dynamic field is " + YesNo(source.enable_dynamic_field) + " on the source, " +
                  YesNo(target.enable_dynamic_field) + " on the target");
  }
  return out;
}

}  // namespace cdc
