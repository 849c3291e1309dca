// Row events of a record, or of a single column that no decoder has checked, and the stored states
// of collections and channels.
//
// Input: a record of a channel; or "{" and the rest of a state, its key, or progress; or "!", seven
// bytes (type, element type, kind, form, dim, rows, null flags) and the body of a column, which
// also serves as the default value of a field.
#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "decode/decode.h"
#include "events/collection_state.h"
#include "events/row_event_encoder.h"
#include "events/stream_progress.h"
#include "fuzz.h"
#include "model/message.h"
#include "model/schema.h"

namespace cdc {
namespace {

constexpr size_t kColumnHead = 7;

void CheckError(const Status& status) {
  FUZZ_EXPECT(
      status.code() == StatusCode::kDataLoss || status.code() == StatusCode::kFailedPrecondition,
      status.ToString());
  FUZZ_EXPECT(status.message().size() <= fuzz::kMaxErrorBytes, status.message());
}

void ExpectJson(const JsonBuffer& buffer) {
  FUZZ_EXPECT(nlohmann::json::accept(buffer.text()), std::string(buffer.text()));
}

// The events of all rows are JSON, up to an error.
Status WriteEvents(RowEventEncoder* encoder, const Message& message) {
  JsonBuffer key;
  JsonBuffer value;
  CDC_RETURN_IF_ERROR(encoder->Begin(message, message.partition_name, {1'700'000'000'000'000'000}));
  for (uint32_t row = 0; row < message.rows; ++row) {
    key.Clear();
    value.Clear();
    CDC_RETURN_IF_ERROR(encoder->NextRow());
    encoder->AppendKey(&key);
    ExpectJson(key);
    CDC_RETURN_IF_ERROR(encoder->AppendValue(RowChange::kDelete, &value));
    ExpectJson(value);
    value.Clear();
    if (message.type == MessageType::kInsert) {
      const Status status = encoder->AppendValue(RowChange::kUpsert, &value);
      if (!status.ok()) {
        FUZZ_EXPECT(value.size() == 0, std::string(value.text()));
        return status;
      }
      ExpectJson(value);
    }
  }
  return OkStatus();
}

void CheckEvents(const Message& message, const Schema& schema) {
  for (const VectorFormat vectors : {VectorFormat::kArray, VectorFormat::kBase64}) {
    auto encoder = RowEventEncoder::New({"db", "c"}, schema,
                                        {.name = "milvus",
                                         .version = "1",
                                         .vectors = vectors,
                                         .with_schemas = vectors == VectorFormat::kBase64});
    if (!encoder.ok()) {
      return CheckError(encoder.status());
    }
    if (const Status status = WriteEvents(&*encoder, message); !status.ok()) {
      CheckError(status);
    }
  }
}

// The schema of a collection that has these columns. They do not say of what type the elements of
// an array are; that decides only how a number is shown.
Schema SchemaOf(const Message& message) {
  Schema schema;
  for (const Column& column : message.columns) {
    if (column.is_dynamic) {
      schema.enable_dynamic_field = true;
      continue;
    }
    Field field;
    field.id = column.field;
    field.name = column.name;
    field.type = column.type;
    field.element_type = DataType::kInt32;
    const bool can_be_key = column.type == DataType::kInt64 || column.type == DataType::kVarChar;
    field.is_primary_key = schema.PrimaryKey() == nullptr && can_be_key;
    schema.fields.push_back(std::move(field));
  }
  if (message.type == MessageType::kDelete) {
    Field key;
    key.name = "id";
    key.type = message.keys.is_string ? DataType::kVarChar : DataType::kInt64;
    key.is_primary_key = true;
    schema.fields.push_back(std::move(key));
  }
  return schema;
}

void CheckRecord(std::string_view record) {
  const auto message = DecodeMessage({}, Payload::Own(std::string(record)));
  if (message.ok() &&
      ((*message)->type == MessageType::kInsert || (*message)->type == MessageType::kDelete)) {
    CheckEvents(**message, SchemaOf(**message));
  }
}

void CheckColumn(std::string_view input) {
  const auto byte = [input](size_t i) { return static_cast<unsigned char>(input[i]); };
  // A copy of exactly this size, so that the address sanitizer sees what is read beyond it.
  const std::vector<char> body(input.begin() + kColumnHead, input.end());
  Message message;
  message.type = MessageType::kInsert;
  message.rows = byte(5) % 16;
  const std::string keys =
      std::string("\x0a") + static_cast<char>(message.rows) + std::string(message.rows, '\x07');
  const std::string flags(byte(6) % 17, static_cast<char>(byte(6) % 2));
  Column key;
  key.field = {100};
  key.name = "id";
  key.type = DataType::kInt64;
  key.kind = ColumnKind::kScalarArray;
  key.oneof_field = 3;
  key.body = keys;
  Column column;
  column.field = {101};
  column.name = "f";
  column.type = static_cast<DataType>(byte(0));
  column.kind = static_cast<ColumnKind>(byte(2) % 4);
  column.oneof_field = byte(3);
  column.dim = byte(4) == 255 ? int64_t{1} << 62 : byte(4);
  column.body = {body.data(), body.size()};
  column.valid_data = flags;
  message.columns = {key, column};
  Schema schema = SchemaOf(message);
  schema.fields[1].element_type = static_cast<DataType>(byte(1));
  schema.fields[1].is_primary_key = false;
  CheckEvents(message, schema);
  schema.fields[1].default_value = std::string(column.body);
  message.columns.pop_back();
  CheckEvents(message, schema);
}

void CheckState(std::string_view text) {
  if (const auto key = DecodeStateKey(text); !key.ok()) {
    CheckError(key.status());
  }
  if (const auto progress = DecodeProgress(R"({"channel":"c"})", text); progress.ok()) {
    const auto again = DecodeProgress(EncodeProgressKey(*progress), EncodeProgress(*progress));
    FUZZ_EXPECT(again.ok(), again.status().ToString());
    FUZZ_EXPECT(*again == *progress, std::string(text));
  } else {
    CheckError(progress.status());
  }
  const auto state = DecodeCollectionState(text);
  if (!state.ok()) {
    return CheckError(state.status());
  }
  const auto again = DecodeCollectionState(EncodeCollectionState(*state));
  FUZZ_EXPECT(again.ok(), again.status().ToString());
  FUZZ_EXPECT(*again == *state, std::string(text));
}

}  // namespace
}  // namespace cdc

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.starts_with("{")) {
    cdc::CheckState(input);
  } else if (!input.starts_with("!")) {
    cdc::CheckRecord(input);
  } else if (input.size() > cdc::kColumnHead) {
    cdc::CheckColumn(input.substr(1));
  }
  return 0;
}
