#include "encode/row_encoder.h"

#include <algorithm>
#include <string>
#include <vector>

#include <grpcpp/support/byte_buffer.h>

#include "encode/byte_pieces.h"
#include "encode/column_encoder.h"
#include "wire/wire_writer.h"

namespace cdc {
namespace {

// Field numbers of InsertRequest and UpsertRequest, which have the same layout, and of
// DeleteRequest.
constexpr int kDbName = 2;
constexpr int kCollectionName = 3;
constexpr int kPartitionName = 4;
constexpr int kFieldsData = 5;
constexpr int kExpr = 5;
constexpr int kNumRows = 7;

void WriteNames(const RowBatch& batch, std::string* text) {
  const auto append = [text](int field, const std::string& value) {
    if (!value.empty()) {
      wire::AppendBytesField(field, value, text);
    }
  };
  append(kDbName, batch.target.database);
  append(kCollectionName, batch.target.collection);
  append(kPartitionName, batch.partition);
}

Status WriteInsert(const RowBatch& batch, PieceWriter* writer) {
  const ColumnFormat format{.field_number = kFieldsData,
                            .without_null_rows = true,
                            .leaves_out =
                                [&batch](const Column& column) {
                                  return std::find(batch.function_outputs.begin(),
                                                   batch.function_outputs.end(),
                                                   column.field) != batch.function_outputs.end();
                                },
                            .field_id = {}};

  CDC_RETURN_IF_ERROR(EncodeColumns(batch.messages, format, writer));
  uint64_t rows = 0;
  for (const MessagePtr& message : batch.messages) {
    rows += message->rows;
  }
  wire::AppendVarintField(kNumRows, rows, &writer->text());
  return OkStatus();
}

}  // namespace

Status EncodeRows(const RowBatch& batch, ExpressionDialect dialect, grpc::ByteBuffer* out) {
  PieceWriter writer;
  WriteNames(batch, &writer.text());
  if (batch.op == RowOp::kDelete) {
    CDC_ASSIGN_OR_RETURN(const std::string expression,
                         DeleteExpression(batch.primary_key, batch.deletes, dialect));
    wire::AppendBytesField(kExpr, expression, &writer.text());
  } else {
    CDC_RETURN_IF_ERROR(WriteInsert(batch, &writer));
  }
  *out = ToByteBuffer(writer.Finish());
  return OkStatus();
}

}  // namespace cdc
