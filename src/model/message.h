#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/ids.h"
#include "model/schema.h"

namespace cdc {

// Bytes, e.g. of a record, that `owner` keeps alive. Copies share the bytes.
struct Payload {
  std::shared_ptr<const void> owner;
  std::string_view bytes;

  static Payload Own(std::string text) {
    auto owner = std::make_shared<const std::string>(std::move(text));
    const std::string_view bytes = *owner;
    return {std::move(owner), bytes};
  }
};

// The layout of a column's values in its `body`.
enum class ColumnKind : int {
  kNone,
  kScalarArray,  // body of schema.BoolArray, IntArray, LongArray, …: can be concatenated
  kVectorArray,  // body of schema.FloatArray or SparseFloatArray: can be concatenated
  kVectorBytes,  // raw bytes of a binary, half or int8 vector: can be concatenated
};

// One column of an insert, as views of the record. FieldData = scalars{`oneof_field`: body} or
// vectors{dim, `oneof_field`: body}.
struct Column {
  FieldId field;
  std::string_view name;
  DataType type = DataType::kNone;
  ColumnKind kind = ColumnKind::kNone;
  int oneof_field = 0;  // field number inside ScalarField or VectorField
  int64_t dim = 0;      // of a vector
  bool is_dynamic = false;
  std::string_view body;
  std::string_view valid_data;  // one byte (0 or 1) per row; empty: no nulls
};

enum class MessageType {
  kInsert,
  kDelete,
  kTick,
  kCreateCollection,
  kDropCollection,
  kDropPartition,
  kTruncateCollection,
  kOther,  // recognized by its number but not used
};

// Primary keys as encoded in schema.IDs or in a key column.
struct KeyColumn {
  bool is_string = false;
  std::string_view body;  // body of schema.LongArray or schema.StringArray
};

// One decoded record of a DML channel. All views point into `payload`.
struct Message {
  MessageType type = MessageType::kOther;
  MsgId id;
  // Inserts and deletes: the largest of timestamps[]; otherwise base.timestamp.
  Timestamp ts;
  // base.msgID, the same in a producer's retry; 0: none (ticks, broadcasts).
  int64_t message_id = 0;
  CollectionId collection;
  PartitionId partition;
  std::string_view partition_name;
  std::string_view vchannel;
  uint32_t rows = 0;
  std::vector<Column> columns;  // inserts
  // Inserts: body of packed int64s, one per row, by which the source identifies its rows. Empty if
  // the record has none.
  std::string_view row_ids;
  // Inserts: body of packed numbers, the timestamp of each row. Empty: each row has `ts`.
  std::string_view row_times;
  KeyColumn keys;    // deletes
  int raw_type = 0;  // the number of MsgType
  Payload payload;

  Message() = default;
  Message(Message&&) = default;
  Message& operator=(Message&&) = default;
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
};

using MessagePtr = std::shared_ptr<const Message>;

// Converts keys to numbers: int64 keys unchanged, string keys as a 64-bit hash. Appends one value
// per key to `out`. Returns false if the bytes are malformed (values appended so far stay).
bool AppendKeyHashes(const KeyColumn& keys, std::vector<uint64_t>* out);

// Appends the keys of a string column to `out`, as views of `keys.body`. Returns false if the bytes
// are malformed or hold numbers.
bool AppendStringKeys(const KeyColumn& keys, std::vector<std::string_view>* out);

}  // namespace cdc
