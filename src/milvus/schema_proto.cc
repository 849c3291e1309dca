#include "milvus/schema_proto.h"

#include "schema.pb.h"

namespace cdc {
namespace {

namespace schema_pb = ::milvus::proto::schema;

Status FieldToProto(const Field& field, schema_pb::FieldSchema* proto) {
  proto->set_name(field.name);
  proto->set_description(field.description);
  proto->set_data_type(static_cast<schema_pb::DataType>(field.type));
  proto->set_element_type(static_cast<schema_pb::DataType>(field.element_type));
  for (const KeyValue& param : field.type_params) {
    auto* added = proto->add_type_params();
    added->set_key(param.key);
    added->set_value(param.value);
  }
  if (!field.default_value.empty() &&
      !proto->mutable_default_value()->ParseFromString(field.default_value)) {
    return DataLossError("the default value of a field is malformed: " + field.name);
  }
  proto->set_is_primary_key(field.is_primary_key);
  proto->set_autoid(field.auto_id);
  proto->set_is_partition_key(field.is_partition_key);
  proto->set_is_clustering_key(field.is_clustering_key);
  proto->set_nullable(field.nullable);
  proto->set_is_function_output(field.is_function_output);
  return OkStatus();
}

Status FunctionToProto(const std::string& function, schema_pb::FunctionSchema* proto) {
  if (!proto->ParseFromString(function)) {
    return DataLossError("a function of the schema is malformed");
  }
  // The target assigns ids of its own; the fields are found by name.
  proto->clear_id();
  proto->clear_input_field_ids();
  proto->clear_output_field_ids();
  return OkStatus();
}

bool IsSystemField(const schema_pb::FieldSchema& field) {
  const bool has_system_id = field.fieldid() < 100;
  return has_system_id && (field.name() == "RowID" || field.name() == "Timestamp");
}

Field FieldFromProto(const schema_pb::FieldSchema& proto) {
  Field field;
  field.id = {proto.fieldid()};
  field.name = proto.name();
  field.description = proto.description();
  field.type = static_cast<DataType>(proto.data_type());
  field.element_type = static_cast<DataType>(proto.element_type());
  for (const auto& param : proto.type_params()) {
    field.type_params.push_back({param.key(), param.value()});
  }
  if (proto.default_value().data_case() != schema_pb::ValueField::DATA_NOT_SET) {
    field.default_value = proto.default_value().SerializeAsString();
  }
  field.is_primary_key = proto.is_primary_key();
  field.auto_id = proto.autoid();
  field.is_partition_key = proto.is_partition_key();
  field.is_clustering_key = proto.is_clustering_key();
  field.nullable = proto.nullable();
  field.is_function_output = proto.is_function_output();
  return field;
}

}  // namespace

Result<std::string> SerializeSchema(const std::string& collection, const Schema& schema) {
  if (const auto unsupported = UnsupportedTypes(schema); !unsupported.empty()) {
    return InvalidArgumentError(unsupported.front());
  }
  schema_pb::CollectionSchema proto;
  proto.set_name(collection);
  proto.set_description(schema.description);
  proto.set_enable_dynamic_field(schema.enable_dynamic_field);
  for (const Field& field : schema.fields) {
    if (field.is_dynamic) {
      continue;  // enable_dynamic_field stands for it, and the target refuses an explicit one
    }
    CDC_RETURN_IF_ERROR(FieldToProto(field, proto.add_fields()));
  }
  for (const std::string& function : schema.functions) {
    CDC_RETURN_IF_ERROR(FunctionToProto(function, proto.add_functions()));
  }
  return proto.SerializeAsString();
}

Schema SchemaFromProto(const schema_pb::CollectionSchema& proto) {
  Schema schema;
  schema.description = proto.description();
  schema.enable_dynamic_field = proto.enable_dynamic_field();
  for (const schema_pb::FieldSchema& field : proto.fields()) {
    if (field.is_dynamic()) {
      schema.enable_dynamic_field = true;
    } else if (!IsSystemField(field)) {
      schema.fields.push_back(FieldFromProto(field));
    }
  }
  for (const schema_pb::FunctionSchema& function : proto.functions()) {
    schema.functions.push_back(function.SerializeAsString());
  }
  return schema;
}

}  // namespace cdc
