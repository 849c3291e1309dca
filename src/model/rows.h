#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "model/message.h"

namespace cdc {

struct CollectionName {
  std::string database;
  std::string collection;
  auto operator<=>(const CollectionName&) const = default;
  // "db.collection"
  std::string ToString() const { return database + "." + collection; }
};

enum class RowOp { kInsert, kUpsert, kDelete };

// One row message as it is to be applied.
//
// `also`: deletes that need no call of their own because this upsert replaces their keys. Each such
// delete is listed by one event only, the last that holds a key of it.
struct RowEvent {
  RowOp op = RowOp::kInsert;
  MessagePtr message;  // kDelete: a delete message; else an insert message
  std::vector<MessagePtr> also;
};

// Rows for one partition of one target collection, to be written by one call. The messages are of
// one operation, and no key occurs twice in inserts and upserts.
//
// kInsert, kUpsert: insert messages with the same set of columns. kDelete: `keys` of delete
// messages.
struct RowBatch {
  RowOp op = RowOp::kInsert;
  CollectionName target;
  std::string partition;           // empty: routed by the target (partition key), or all (delete)
  std::string primary_key;         // name of the key field
  std::vector<KeyColumn> deletes;  // kDelete: views on `messages`
  std::vector<MessagePtr> messages;
  // Columns that the target computes itself: they are not written.
  std::vector<FieldId> function_outputs;
  size_t rows = 0;
  size_t bytes = 0;  // of the payloads
};

// The column of `message` that holds the same field as `like`: of the same id, or of the same name
// if one of them has no id. `likely_index` is looked at first. nullptr: there is none.
const Column* FindColumn(const Message& message, const Column& like, size_t likely_index);

// Whether the inserts of two messages may go into one RowBatch.
bool SameColumns(const Message& a, const Message& b);

}  // namespace cdc
