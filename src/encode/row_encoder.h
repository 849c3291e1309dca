#pragma once

#include "base/status.h"
#include "encode/delete_expression.h"
#include "model/rows.h"

namespace grpc {
class ByteBuffer;
}

namespace cdc {

// Encodes the InsertRequest, UpsertRequest or DeleteRequest that writes `batch`. A delete names its
// keys in an expression of `dialect`.
//
// Columns are not decoded, and large ones are not copied: the buffer refers to the messages'
// payloads and keeps them alive until gRPC has sent it. There is one FieldData for each column with
// the values of all messages; columns are matched by field id or name. Only a column with null rows
// is rewritten, without them. Function outputs are left out, because a target refuses them.
//
// kDataLoss: bytes of a message are malformed. kInvalidArgument: a delete without keys. Aborts if
// the messages have different columns, which is a bug of the caller (see SameColumns).
Status EncodeRows(const RowBatch& batch, ExpressionDialect dialect, grpc::ByteBuffer* out);

}  // namespace cdc
