#pragma once

#include "base/status.h"
#include "encode/delete_expression.h"
#include "model/rows.h"

namespace grpc {
class ByteBuffer;
}

namespace cdc {

// The body of the InsertRequest, UpsertRequest or DeleteRequest that writes `batch`; a delete names
// its keys in an expression of `dialect`.
//
// Columns are not decoded and large ones are not copied: the buffer refers to the messages'
// payloads and keeps them alive until gRPC has sent it. The bodies of several messages follow each
// other in one FieldData per column, columns being matched by field id or name. Only a column with
// null rows is written anew, without them. Function outputs are left out: a target refuses them.
//
// kDataLoss: bytes of a message are malformed. kInvalidArgument: a delete without keys. A batch
// whose messages have different columns is a bug of the caller (see SameColumns) and aborts.
Status EncodeRows(const RowBatch& batch, ExpressionDialect dialect, grpc::ByteBuffer* out);

}  // namespace cdc
