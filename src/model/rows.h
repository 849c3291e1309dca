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

// One row message to be applied.
//
// `also`: deletes that need no call of their own because this upsert replaces their keys. Each such
// delete is listed by one event only, the last one with any of its keys.
struct RowEvent {
  RowOp op = RowOp::kInsert;
  MessagePtr message;  // kDelete: a delete message; else an insert message
  std::vector<MessagePtr> also;
};

// Rows for one partition of one target collection, written by one call. All messages have the same
// operation, and no key occurs twice among inserts and upserts.
//
// kInsert, kUpsert: insert messages with the same set of columns. kDelete: the `keys` of delete
// messages.
struct RowBatch {
  RowOp op = RowOp::kInsert;
  CollectionName target;
  std::string partition;           // empty: chosen by the target (partition key), or all (delete)
  std::string primary_key;         // name of the key field
  std::vector<KeyColumn> deletes;  // kDelete: views of `messages`
  std::vector<MessagePtr> messages;
  // Columns the target computes itself; they are not written.
  std::vector<FieldId> function_outputs;
  size_t rows = 0;
  size_t bytes = 0;  // of the payloads
};

// Finds the column of `message` for the same field as `like`: by id, or by name if one of them has
// no id. Tries `likely_index` first. nullptr if there is none.
const Column* FindColumn(const Message& message, const Column& like, size_t likely_index);

// Whether the inserts of two messages can share a RowBatch.
bool SameColumns(const Message& a, const Message& b);

}  // namespace cdc
