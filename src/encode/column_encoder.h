#pragma once

#include <functional>
#include <vector>

#include "base/status.h"
#include "encode/byte_pieces.h"
#include "model/message.h"

namespace cdc {

// How the columns of inserts are written.
struct ColumnFormat {
  int field_number = 0;  // of FieldData in the enclosing message
  // True: columns have no values for null rows, as in a client's request. False: they keep a
  // placeholder for each, as in the log.
  bool without_null_rows = true;
  std::function<bool(const Column&)> leaves_out;   // empty: no column is left out
  std::function<FieldId(const Column&)> field_id;  // empty: as in the message
};

// Writes the columns of `messages` as FieldData, one for each column with the values of all
// messages. Columns are matched by field id or name. They are not decoded, and large ones are not
// copied; only a column that loses its null rows is rewritten.
//
// kDataLoss: bytes of a message are malformed. Aborts if the messages have different columns, which
// is a bug of the caller (see SameColumns).
Status EncodeColumns(const std::vector<MessagePtr>& messages,
                     const ColumnFormat& format,
                     PieceWriter* writer);

}  // namespace cdc
