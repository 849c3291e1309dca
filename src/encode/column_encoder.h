#pragma once

#include <functional>
#include <vector>

#include "base/status.h"
#include "encode/byte_pieces.h"
#include "model/message.h"

namespace cdc {

// How the columns of inserts are written.
struct ColumnFormat {
  int field_number = 0;  // of a FieldData in the message around it
  // The form of a client's request: the columns hold no values of null rows. Else they keep a
  // placeholder for each, as in the log.
  bool without_null_rows = true;
  std::function<bool(const Column&)> leaves_out;   // empty: none
  std::function<FieldId(const Column&)> field_id;  // empty: as in the message
};

// Writes the columns of `messages` one after another as FieldData. Columns are not decoded and
// large ones are not copied. The bodies of several messages follow each other in one FieldData per
// column, columns being matched by field id or name. Only a column that loses its null rows is
// written anew.
//
// kDataLoss: bytes of a message are malformed. Messages with different columns are a bug of the
// caller (see SameColumns) and abort.
Status EncodeColumns(const std::vector<MessagePtr>& messages,
                     const ColumnFormat& format,
                     PieceWriter* writer);

}  // namespace cdc
