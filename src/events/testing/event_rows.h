#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "events/row_event_encoder.h"
#include "model/testing/insert_builder.h"

namespace cdc {

// A collection with events, for tests: db.c, prefix `milvus`, of program 1.2.3.
inline const CollectionName kEventCollection{"db", "c"};
inline EventOptions TestEventOptions(bool with_schemas = false) {
  return {.name = "milvus", .version = "1.2.3", .with_schemas = with_schemas};
}
inline constexpr EventTime kEventTime{1'700'000'000'123'456'789};
// 2023-11-14T22:13:20.5Z and logical 7.
inline constexpr Timestamp kRowTime = Timestamp::FromUnixMs(1'700'000'000'500, 7);
inline constexpr const char* kVchannel = "by-dev-rootcoord-dml_3_450v1";

inline Field MakeField(int64_t id, const std::string& name, DataType type) {
  Field field;
  field.id = {id};
  field.name = name;
  field.type = type;
  return field;
}

inline Field KeyField(DataType type = DataType::kInt64) {
  Field field = MakeField(100, "id", type);
  field.is_primary_key = true;
  return field;
}

inline Schema SchemaOf(std::vector<Field> fields) {
  Schema schema;
  schema.fields = std::move(fields);
  return schema;
}

// FieldData of any type, to be filled.
inline ::milvus::proto::schema::FieldData DataOf(const Field& field) {
  ::milvus::proto::schema::FieldData data;
  data.set_field_id(field.id.value);
  data.set_field_name(field.name);
  data.set_type(static_cast<::milvus::proto::schema::DataType>(field.type));
  return data;
}

inline ::milvus::proto::schema::FieldData Keys(const std::vector<int64_t>& values) {
  return LongField(100, "id", values);
}

inline Message RowsOf(const FieldDatas& fields, uint32_t rows) {
  Message message = InsertOf(fields, rows);
  message.vchannel = kVchannel;
  message.ts = kRowTime;
  return message;
}

struct WrittenEvent {
  std::string key;
  std::string value;
  nlohmann::json Value() const { return nlohmann::json::parse(value); }
  nlohmann::json After() const { return Value().at("after"); }
};

// All rows of the message, or what went wrong.
inline Result<std::vector<WrittenEvent>> Write(RowEventEncoder* encoder,
                                               const Message& message,
                                               RowChange change = RowChange::kInsert) {
  std::vector<WrittenEvent> events;
  JsonBuffer key;
  JsonBuffer value;
  CDC_RETURN_IF_ERROR(encoder->Begin(message, "p1", kEventTime));
  for (uint32_t row = 0; row < message.rows; ++row) {
    key.Clear();
    value.Clear();
    CDC_RETURN_IF_ERROR(encoder->NextRow());
    encoder->AppendKey(&key);
    CDC_RETURN_IF_ERROR(encoder->AppendValue(change, &value));
    events.push_back({std::string(key.text()), std::string(value.text())});
  }
  return events;
}

inline Result<std::vector<WrittenEvent>> Write(const Schema& schema,
                                               const Message& message,
                                               RowChange change = RowChange::kInsert,
                                               const EventOptions& options = TestEventOptions()) {
  CDC_ASSIGN_OR_RETURN(RowEventEncoder encoder,
                       RowEventEncoder::New(kEventCollection, schema, options));
  return Write(&encoder, message, change);
}

}  // namespace cdc
