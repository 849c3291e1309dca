#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <google/protobuf/message.h>

#include "milvus.pb.h"
#include "model/message.h"
#include "schema.pb.h"

namespace cdc {

// Makes decoded messages like those from the log, with Milvus' own protobuf. For tests.
namespace insert_builder_internal {

// The bytes of the oneof member that is set: the array message's body, or the raw bytes.
inline std::string OneofBody(const google::protobuf::Message& message,
                             const char* oneof,
                             int* field) {
  const auto* reflection = message.GetReflection();
  const auto* member =
      reflection->GetOneofFieldDescriptor(message, message.GetDescriptor()->FindOneofByName(oneof));
  *field = member->number();
  if (member->cpp_type() == google::protobuf::FieldDescriptor::CPPTYPE_MESSAGE) {
    return reflection->GetMessage(message, member).SerializeAsString();
  }
  return reflection->GetString(message, member);
}

}  // namespace insert_builder_internal

using FieldDatas = std::vector<::milvus::proto::schema::FieldData>;

// An insert that can be completed, e.g. with a time.
inline Message InsertOf(const FieldDatas& fields, uint32_t rows) {
  auto bytes = std::make_shared<std::deque<std::string>>();
  Message message;
  message.type = MessageType::kInsert;
  message.rows = rows;
  for (const auto& field : fields) {
    Column column;
    column.field = {field.field_id()};
    column.name = bytes->emplace_back(field.field_name());
    column.type = static_cast<DataType>(field.type());
    column.is_dynamic = field.is_dynamic();
    if (field.has_vectors()) {
      column.dim = field.vectors().dim();
      column.body = bytes->emplace_back(
          insert_builder_internal::OneofBody(field.vectors(), "data", &column.oneof_field));
      const bool is_array = column.oneof_field == 2 || column.oneof_field == 6;
      column.kind = is_array ? ColumnKind::kVectorArray : ColumnKind::kVectorBytes;
    } else {
      column.body = bytes->emplace_back(
          insert_builder_internal::OneofBody(field.scalars(), "data", &column.oneof_field));
      column.kind = ColumnKind::kScalarArray;
    }
    std::string& valid = bytes->emplace_back();
    for (const bool is_valid : field.valid_data()) {
      valid.push_back(is_valid ? '\1' : '\0');
    }
    column.valid_data = valid;
    message.columns.push_back(column);
  }
  message.payload.owner = std::move(bytes);
  return message;
}

inline MessagePtr MakeInsert(const FieldDatas& fields, uint32_t rows) {
  return std::make_shared<const Message>(InsertOf(fields, rows));
}

inline MessagePtr MakeDelete(const std::vector<int64_t>& keys) {
  ::milvus::proto::schema::LongArray array;
  *array.mutable_data() = {keys.begin(), keys.end()};
  Message message;
  message.type = MessageType::kDelete;
  message.rows = static_cast<uint32_t>(keys.size());
  message.payload = Payload::Own(array.SerializeAsString());
  message.keys = {false, message.payload.bytes};
  return std::make_shared<const Message>(std::move(message));
}

inline MessagePtr MakeDelete(const std::vector<std::string>& keys) {
  // A serialized StringArray; keys need not be UTF-8.
  ::milvus::proto::schema::BytesArray array;
  *array.mutable_data() = {keys.begin(), keys.end()};
  Message message;
  message.type = MessageType::kDelete;
  message.rows = static_cast<uint32_t>(keys.size());
  message.payload = Payload::Own(array.SerializeAsString());
  message.keys = {true, message.payload.bytes};
  return std::make_shared<const Message>(std::move(message));
}

// FieldData of each kind, for tests that need no more.
inline ::milvus::proto::schema::FieldData LongField(int64_t id,
                                                    const std::string& name,
                                                    const std::vector<int64_t>& values) {
  ::milvus::proto::schema::FieldData field;
  field.set_field_id(id);
  field.set_field_name(name);
  field.set_type(::milvus::proto::schema::Int64);
  *field.mutable_scalars()->mutable_long_data()->mutable_data() = {values.begin(), values.end()};
  return field;
}

inline ::milvus::proto::schema::FieldData VarCharField(int64_t id,
                                                       const std::string& name,
                                                       const std::vector<std::string>& values) {
  ::milvus::proto::schema::FieldData field;
  field.set_field_id(id);
  field.set_field_name(name);
  field.set_type(::milvus::proto::schema::VarChar);
  *field.mutable_scalars()->mutable_string_data()->mutable_data() = {values.begin(), values.end()};
  return field;
}

inline ::milvus::proto::schema::FieldData FloatVectorField(int64_t id,
                                                           const std::string& name,
                                                           int64_t dim,
                                                           const std::vector<float>& values) {
  ::milvus::proto::schema::FieldData field;
  field.set_field_id(id);
  field.set_field_name(name);
  field.set_type(::milvus::proto::schema::FloatVector);
  field.mutable_vectors()->set_dim(dim);
  *field.mutable_vectors()->mutable_float_vector()->mutable_data() = {values.begin(), values.end()};
  return field;
}

}  // namespace cdc
