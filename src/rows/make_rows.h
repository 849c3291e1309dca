#pragma once

#include "base/status.h"
#include "model/ids.h"
#include "model/message.h"
#include "model/rows.h"
#include "model/schema.h"
#include "rows/lane.h"

namespace cdc {

// The key field of a collection, as the rows need it.
struct KeyField {
  FieldId id;
  bool is_string = false;
};

inline KeyField KeyFieldOf(const Field& key) {
  return {.id = key.id, .is_string = key.type != DataType::kInt64};
}

// The rows of an insert or delete for the writer, with the hashes of their keys. Tickets are still
// missing. kDataLoss: an insert without its keys, or malformed ones.
Result<PendingRows> MakeRows(RowOp op, MessagePtr message, const KeyField& key);

}  // namespace cdc
