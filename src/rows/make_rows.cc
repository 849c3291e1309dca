#include "rows/make_rows.h"

#include <algorithm>
#include <utility>

namespace cdc {

Result<PendingRows> MakeRows(RowOp op, MessagePtr message, const KeyField& key) {
  KeyColumn keys = message->keys;
  if (message->type == MessageType::kInsert) {
    const auto column = std::find_if(message->columns.begin(), message->columns.end(),
                                     [&key](const Column& each) { return each.field == key.id; });
    if (column == message->columns.end()) {
      return DataLossError("an insert without the primary key");
    }
    keys = {.is_string = key.is_string, .body = column->body};
  }
  PendingRows rows;
  rows.op = op;
  rows.key_field = key.id;
  rows.key_column = keys;
  rows.bytes = message->payload.bytes.size();
  rows.keys.reserve(message->rows);
  if (!AppendKeyHashes(keys, &rows.keys) || rows.keys.size() != message->rows) {
    return DataLossError("malformed primary keys");
  }
  rows.message = std::move(message);
  return rows;
}

}  // namespace cdc
