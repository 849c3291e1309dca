#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "events/column_cursor.h"
#include "events/event_fields.h"
#include "events/event_options.h"
#include "events/json_buffer.h"
#include "model/message.h"
#include "model/rows.h"
#include "model/schema.h"

namespace cdc {

// What has happened to a row, by Debezium's letters.
enum class RowChange : char {
  kSnapshot = 'r',  // it was stored before the changes were followed
  kInsert = 'c',
  kUpsert = 'u',
  kDelete = 'd',
};

// Writes the rows of one collection as row events of Debezium, in JSON, straight from the bytes of
// a record:
//
//   CDC_RETURN_IF_ERROR(encoder.Begin(message, partition, now));
//   for (uint32_t row = 0; row < message.rows; ++row) {
//     CDC_RETURN_IF_ERROR(encoder.NextRow());
//     encoder.AppendKey(&key);
//     CDC_RETURN_IF_ERROR(encoder.AppendValue(RowChange::kInsert, &value));
//   }
//
// README.md says how they look. Nothing is allocated for a row, once the buffers have their size.
// Not thread-safe. After an error, begin another message.
class RowEventEncoder {
 public:
  // `collection`: the name that the events show. kFailedPrecondition: such a collection has no row
  // events, since it lacks a key or has fields of types that are not replicated.
  static Result<RowEventEncoder> New(const CollectionName& collection,
                                     const Schema& schema,
                                     const EventOptions& options);

  // Begins with the rows of an insert or a delete; `message` must live until the last of them has
  // been written. `partition`: its name; empty if it is not known. `now`: when the events are made.
  //
  // A field without a column has its default value, or else none. kFailedPrecondition: a column
  // without a field, or of another type: the collection has been altered since its schema was
  // read. kDataLoss: an insert without keys, or a malformed column.
  Status Begin(const Message& message, std::string_view partition, EventTime now);

  // Goes to the next row; call it once for each. kDataLoss: a column does not have one value for
  // each row, or a row has no key. kFailedPrecondition: a key is not UTF-8; JSON could not tell it
  // from others.
  Status NextRow();

  // Append the key and the value of the row's event. A delete has only the key in `before`; so does
  // an upsert, whose earlier row is not known or does not exist. A row of an insert can be written
  // as kDelete, too, and one of a delete only so.
  //
  // kDataLoss: a value is malformed; the buffer is as before.
  void AppendKey(JsonBuffer* out) const;
  Status AppendValue(RowChange change, JsonBuffer* out);

 private:
  // A field of the events.
  struct EventField {
    Field field;
    std::string name;         // "name":
    std::string absent;       // what it is without a column
    bool has_column = false;  // in this message
    ColumnCursor cursor;
  };

  RowEventEncoder() = default;

  void SetTexts(const CollectionName& collection, const EventOptions& options);
  Status BeginInsert(const Message& message);
  Status BeginDelete(const Message& message);
  void BeginSource(const Message& message, std::string_view partition, EventTime now);
  Status CheckEnds();
  Status ReadKey();
  Status ReadTime();
  Status AppendRow(JsonBuffer* out);
  void AppendBefore(JsonBuffer* out) const;

  // Of the collection.
  VectorFormat vectors_ = VectorFormat::kArray;
  EventFields known_;
  std::vector<EventField> fields_;  // those that are shown
  size_t key_ = 0;                  // its place in `fields_`
  std::string key_start_;           // of an event's key, up to the value of the key
  std::string before_start_;        // of `before`, likewise
  std::string before_end_;          // what follows the value of the key in it
  std::string value_start_;         // of an event, up to `before`
  std::string source_start_;        // of `source`, up to what depends on the message
  bool with_schemas_ = false;

  // Of the message.
  bool is_insert_ = false;
  ColumnCursor deleted_keys_;
  JsonBuffer source_;  // `source` up to what depends on the row
  JsonBuffer end_;     // of an event, from our own time on
  std::string_view row_times_;

  // Of the row.
  uint32_t rows_left_ = 0;
  Timestamp time_;
  JsonBuffer key_text_;
  JsonBuffer stamp_;  // the times in `source`, for `stamped_`
  Timestamp stamped_;
  JsonBuffer scratch_;
};

}  // namespace cdc
