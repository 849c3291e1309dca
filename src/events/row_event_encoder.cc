#include "events/row_event_encoder.h"

#include <algorithm>
#include <utility>

#include "events/connect_schema.h"
#include "events/event_fields.h"
#include "events/event_source.h"
#include "events/field_value.h"
#include "wire/varint.h"

namespace cdc {
namespace {

// Of a message: a longer text would only make a log unreadable.
constexpr size_t kShownKeyBytes = 128;

std::string NameInJson(const std::string& name) {
  JsonBuffer text;
  text.AppendString(name);
  return std::string(text.text()) + ":";
}

Status AlteredError(const std::string& what) {
  return FailedPreconditionError(
      "the collection is not as it was when its schema was read, so its rows cannot be written as "
      "events: " +
      what);
}

}  // namespace

Result<RowEventEncoder> RowEventEncoder::New(const CollectionName& collection,
                                             const Schema& schema,
                                             const EventOptions& options) {
  if (const auto unsupported = UnsupportedTypes(schema); !unsupported.empty()) {
    return FailedPreconditionError(unsupported.front());
  }
  const Field* key = schema.PrimaryKey();
  if (key == nullptr) {
    return FailedPreconditionError("the collection has no primary key: " + collection.ToString());
  }
  if (key->type != DataType::kInt64 && key->type != DataType::kVarChar) {
    return FailedPreconditionError(
        "field " + key->name +
        ": a primary key of this type is not supported: " + DataTypeName(key->type));
  }
  RowEventEncoder encoder;
  encoder.vectors_ = options.vectors;
  encoder.known_ = FieldsOf(schema, options.vectors);
  for (const Field& field : encoder.known_.shown) {
    if (field.is_primary_key) {
      encoder.key_ = encoder.fields_.size();
    }
    JsonBuffer scratch;
    JsonBuffer absent;
    CDC_RETURN_IF_ERROR(AppendDefault(field, &scratch, &absent));
    encoder.fields_.push_back(
        {.field = field, .name = NameInJson(field.name), .absent = std::string(absent.text())});
  }
  encoder.SetTexts(collection, options);
  return encoder;
}

// Prepares everything that all events of the collection share.
void RowEventEncoder::SetTexts(const CollectionName& collection, const EventOptions& options) {
  const std::string& key = fields_[key_].name;
  with_schemas_ = options.with_schemas;
  key_start_ = "{" + key;
  value_start_ = R"({"before":)";
  if (with_schemas_) {
    const auto wrap = [](const std::string& schema, const std::string& payload) {
      return R"({"schema":)" + schema + R"(,"payload":)" + payload;
    };
    key_start_ = wrap(KeySchema(collection, fields_[key_].field, options), key_start_);
    value_start_ = wrap(EnvelopeSchema(collection, known_.shown, options), value_start_);
  }
  before_start_ = "{";
  for (size_t i = 0; i < fields_.size(); ++i) {
    std::string& text = i <= key_ ? before_start_ : before_end_;
    text += (i == 0 ? "" : ",") + fields_[i].name + (i == key_ ? "" : "null");
  }
  before_end_ += "}";
  JsonBuffer source;
  AppendSourceStart(collection, options, &source);
  source_start_ = source.text();
}

Status RowEventEncoder::Begin(const Message& message, std::string_view partition, EventTime now) {
  is_insert_ = message.type == MessageType::kInsert;
  CDC_CHECK(is_insert_ || message.type == MessageType::kDelete);
  rows_left_ = message.rows;
  row_times_ = message.row_times;
  time_ = message.ts;
  BeginSource(message, partition, now);
  if (message.rows == 0) {
    return OkStatus();
  }
  return is_insert_ ? BeginInsert(message) : BeginDelete(message);
}

Status RowEventEncoder::BeginInsert(const Message& message) {
  size_t found = 0;
  for (EventField& each : fields_) {
    const Column* column = FindColumnOf(each.field, message, found);
    each.has_column = column != nullptr;
    if (column == nullptr) {
      continue;
    }
    ++found;
    if (const std::string why = WhyNotOfType(*column, each.field.type); !why.empty()) {
      return AlteredError(why);
    }
    CDC_RETURN_IF_ERROR(each.cursor.Start(*column, message.rows));
  }
  if (!fields_[key_].has_column) {
    return DataLossError("an insert without its keys: " + fields_[key_].field.name);
  }
  if (found == message.columns.size()) {
    return OkStatus();
  }
  const Column* unknown = FindUnknownColumn(known_, message);
  return unknown == nullptr
             ? OkStatus()
             : AlteredError("it has no field for column \"" + std::string(unknown->name) + "\"");
}

Status RowEventEncoder::BeginDelete(const Message& message) {
  const DataType type = fields_[key_].field.type;
  if (message.keys.is_string == (type == DataType::kInt64)) {
    return AlteredError("the keys of a delete are not of type " + DataTypeName(type));
  }
  Column keys;
  keys.name = fields_[key_].field.name;
  keys.kind = ColumnKind::kScalarArray;
  keys.oneof_field = message.keys.is_string ? 6 : 3;  // string_data, long_data
  keys.body = message.keys.body;
  return deleted_keys_.Start(keys, message.rows);
}

void RowEventEncoder::BeginSource(const Message& message,
                                  std::string_view partition,
                                  EventTime now) {
  source_.Clear();
  source_.Append(source_start_);
  AppendPlace(partition, message.vchannel, &source_);
  end_.Clear();
  end_.Append("\",");
  AppendTimes(now.unix_ns, &end_);
  end_.Append(with_schemas_ ? R"(,"transaction":null}})" : R"(,"transaction":null})");
}

Status RowEventEncoder::CheckEnds() {
  if (!is_insert_) {
    return deleted_keys_.CheckEnd();
  }
  for (EventField& each : fields_) {
    if (each.has_column) {
      CDC_RETURN_IF_ERROR(each.cursor.CheckEnd());
    }
  }
  return OkStatus();
}

Status RowEventEncoder::NextRow() {
  CDC_CHECK(rows_left_ > 0);
  if (is_insert_) {
    for (EventField& each : fields_) {
      if (each.has_column) {
        CDC_RETURN_IF_ERROR(each.cursor.Next());
      }
    }
    CDC_RETURN_IF_ERROR(ReadTime());
  } else {
    CDC_RETURN_IF_ERROR(deleted_keys_.Next());
  }
  CDC_RETURN_IF_ERROR(ReadKey());
  if (time_ != stamped_ || stamp_.size() == 0) {
    stamp_.Clear();
    AppendStamp(time_, &stamp_);
    stamped_ = time_;
  }
  return --rows_left_ > 0 ? OkStatus() : CheckEnds();
}

Status RowEventEncoder::ReadTime() {
  if (row_times_.empty()) {
    return OkStatus();
  }
  const char* const behind =
      wire::ReadVarint(row_times_.data(), row_times_.data() + row_times_.size(), &time_.value);
  if (behind == nullptr) {
    return DataLossError("an insert does not have one timestamp a row");
  }
  row_times_.remove_prefix(static_cast<size_t>(behind - row_times_.data()));
  return row_times_.empty() && rows_left_ > 1
             ? DataLossError("an insert does not have one timestamp a row")
             : OkStatus();
}

Status RowEventEncoder::ReadKey() {
  const Field& field = fields_[key_].field;
  const ColumnCursor& cursor = is_insert_ ? fields_[key_].cursor : deleted_keys_;
  if (cursor.is_null()) {
    return DataLossError("a row has no key: " + field.name);
  }
  key_text_.Clear();
  if (field.type == DataType::kInt64) {
    key_text_.AppendInt(static_cast<int64_t>(cursor.number()));
  } else if (!key_text_.AppendString(cursor.bytes())) {
    return FailedPreconditionError(
        "a key is not UTF-8, and JSON could not tell it from others; delete its row on the "
        "source: " +
        std::string(key_text_.text().substr(0, kShownKeyBytes)));
  }
  return OkStatus();
}

void RowEventEncoder::AppendKey(JsonBuffer* out) const {
  out->Append(key_start_);
  out->Append(key_text_.text());
  out->Append(with_schemas_ ? "}}" : "}");
}

void RowEventEncoder::AppendBefore(JsonBuffer* out) const {
  out->Append(before_start_);
  out->Append(key_text_.text());
  out->Append(before_end_);
}

Status RowEventEncoder::AppendRow(JsonBuffer* out) {
  std::string_view separator = "{";
  for (EventField& each : fields_) {
    out->Append(separator);
    out->Append(each.name);
    separator = ",";
    if (!each.has_column) {
      out->Append(each.absent);
    } else if (each.cursor.is_null()) {
      out->Append("null");
    } else if (each.field.is_primary_key) {
      out->Append(key_text_.text());
    } else {
      CDC_RETURN_IF_ERROR(AppendFieldValue(each.field, vectors_, each.cursor, &scratch_, out)
                              .WithContext("field " + each.field.name));
    }
  }
  out->Append("}");
  return OkStatus();
}

Status RowEventEncoder::AppendValue(RowChange change, JsonBuffer* out) {
  CDC_CHECK(is_insert_ || change == RowChange::kDelete);
  const size_t size = out->size();
  out->Append(value_start_);
  if (change == RowChange::kDelete || change == RowChange::kUpsert) {
    AppendBefore(out);
  } else {
    out->Append("null");
  }
  out->Append(R"(,"after":)");
  if (change == RowChange::kDelete) {
    out->Append("null");
  } else if (const Status appended = AppendRow(out); !appended.ok()) {
    out->Truncate(size);
    return appended;
  }
  out->Append(R"(,"source":)");
  out->Append(source_.text());
  out->Append(change == RowChange::kSnapshot ? R"("true",)" : R"("false",)");
  out->Append(stamp_.text());
  out->Append(R"(},"op":")");
  const char letter = static_cast<char>(change);
  out->Append({&letter, 1});
  out->Append(end_.text());
  return OkStatus();
}

}  // namespace cdc
