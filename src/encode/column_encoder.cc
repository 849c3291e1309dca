#include "encode/column_encoder.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "encode/null_rows.h"
#include "model/rows.h"
#include "wire/wire_reader.h"
#include "wire/wire_writer.h"

namespace cdc {
namespace {

// FieldData.
constexpr int kType = 1;
constexpr int kFieldName = 2;
constexpr int kScalars = 3;
constexpr int kVectors = 4;
constexpr int kFieldId = 5;
constexpr int kIsDynamic = 6;
constexpr int kValidData = 7;
// VectorField and SparseFloatArray.
constexpr int kDim = 1;
constexpr int kSparseDim = 2;

// One column of one message of a batch.
struct ColumnPiece {
  const Column* column = nullptr;
  const Message* message = nullptr;
  const MessagePtr* owner = nullptr;
};
using ColumnRun = std::vector<ColumnPiece>;

ColumnRun CollectColumn(const std::vector<MessagePtr>& messages, size_t index) {
  ColumnRun run;
  const Column& first = messages.front()->columns[index];
  for (const MessagePtr& message : messages) {
    const Column* column = FindColumn(*message, first, index);
    CDC_CHECK(column != nullptr);
    run.push_back({column, message.get(), &message});
  }
  return run;
}

// The dim field inside a SparseFloatArray; 0 if there is none.
uint64_t SparseDim(std::string_view body) {
  uint64_t dim = 0;
  WireReader reader(body);
  while (reader.Next()) {
    if (reader.field() == kSparseDim && reader.type() == WireType::kVarint) {
      dim = reader.number();
    }
  }
  return dim;
}

// An encoded column: its values in pieces, and what surrounds them.
struct EncodedColumn {
  struct Piece {
    std::string_view bytes;
    const MessagePtr* owner = nullptr;
  };
  std::vector<Piece> pieces;
  std::vector<std::string> rewritten;  // values without null rows; `pieces` refer to them
  std::string trailer;                 // after the values, inside the array message
  std::string valid_data;
  uint64_t dim = 0;

  size_t BodySize() const {
    size_t size = trailer.size();
    for (const Piece& piece : pieces) {
      size += piece.bytes.size();
    }
    return size;
  }
};

bool HasValidData(const ColumnRun& run) {
  return std::any_of(run.begin(), run.end(),
                     [](const ColumnPiece& piece) { return !piece.column->valid_data.empty(); });
}

Status EncodeNullable(const ColumnRun& run, bool without_null_rows, EncodedColumn* out) {
  // Reserved, because `pieces` hold views of the strings: a reallocation would move short ones.
  out->rewritten.reserve(run.size());
  for (const ColumnPiece& piece : run) {
    // A message without flags has no null rows, but the joined column has one flag for every row.
    const std::string_view valid = piece.column->valid_data;
    if (valid.empty()) {
      out->valid_data.append(piece.message->rows, '\1');
    } else {
      out->valid_data.append(valid);
    }
    if (!without_null_rows || valid.find('\0') == std::string_view::npos) {
      out->pieces.push_back({piece.column->body, piece.owner});
      continue;
    }
    CDC_ASSIGN_OR_RETURN(std::string body, WithoutNullRows(*piece.column));
    out->rewritten.push_back(std::move(body));
    out->pieces.push_back({out->rewritten.back(), nullptr});
  }
  return OkStatus();
}

Status EncodeColumn(const ColumnRun& run, bool without_null_rows, EncodedColumn* out) {
  // Serialized messages can be concatenated: their repeated fields follow each other. So the bodies
  // of several messages become one column without being parsed.
  if (HasValidData(run)) {
    CDC_RETURN_IF_ERROR(EncodeNullable(run, without_null_rows, out));
  } else {
    for (const ColumnPiece& piece : run) {
      out->pieces.push_back({piece.column->body, piece.owner});
    }
  }
  for (const ColumnPiece& piece : run) {
    out->dim = std::max(out->dim, static_cast<uint64_t>(piece.column->dim));
  }
  const bool is_sparse = run.front().column->type == DataType::kSparseFloatVector;
  if (is_sparse && run.size() > 1) {
    // Each body has a dim of its own, and the last one counts, so the largest is written after
    // them.
    for (const ColumnPiece& piece : run) {
      out->dim = std::max(out->dim, SparseDim(piece.column->body));
    }
    wire::AppendVarintField(kSparseDim, out->dim, &out->trailer);
  }
  return OkStatus();
}

// Decides by the form of the data and not by its type, because that may be unknown.
bool IsVector(const Column& column) { return column.kind != ColumnKind::kScalarArray; }

// Type, name and flags: everything of FieldData before the values.
std::string FieldHead(const Column& column, FieldId id, const EncodedColumn& encoded) {
  std::string head;
  wire::AppendVarintField(kType, static_cast<uint64_t>(column.type), &head);
  wire::AppendBytesField(kFieldName, column.name, &head);
  if (id.value > 0) {
    wire::AppendVarintField(kFieldId, static_cast<uint64_t>(id.value), &head);
  }
  if (column.is_dynamic) {
    wire::AppendVarintField(kIsDynamic, 1, &head);
  }
  if (!encoded.valid_data.empty()) {
    wire::AppendBytesField(kValidData, encoded.valid_data, &head);
  }
  return head;
}

void WriteColumn(const Column& column,
                 const ColumnFormat& format,
                 const EncodedColumn& encoded,
                 PieceWriter* writer) {
  // A frame begins with the size of its content, so all sizes are computed before anything is
  // written.
  const size_t body_size = encoded.BodySize();
  const bool is_vector = IsVector(column);
  const bool has_dim = is_vector && encoded.dim > 0;
  const size_t values_size = wire::BytesFieldSize(column.oneof_field, body_size) +
                             (has_dim ? wire::VarintFieldSize(kDim, encoded.dim) : 0);
  const int values_field = is_vector ? kVectors : kScalars;
  const FieldId id = format.field_id ? format.field_id(column) : column.field;
  const std::string head = FieldHead(column, id, encoded);

  std::string& text = writer->text();
  wire::AppendBytesHeader(format.field_number,
                          head.size() + wire::BytesFieldSize(values_field, values_size), &text);
  text.append(head);
  wire::AppendBytesHeader(values_field, values_size, &text);
  if (has_dim) {
    wire::AppendVarintField(kDim, encoded.dim, &text);
  }
  wire::AppendBytesHeader(column.oneof_field, body_size, &text);
  for (const EncodedColumn::Piece& piece : encoded.pieces) {
    if (piece.owner == nullptr) {
      writer->text().append(piece.bytes);
    } else {
      writer->Append(piece.bytes, *piece.owner);
    }
  }
  writer->text().append(encoded.trailer);
}

}  // namespace

Status EncodeColumns(const std::vector<MessagePtr>& messages,
                     const ColumnFormat& format,
                     PieceWriter* writer) {
  CDC_CHECK(!messages.empty());
  const Message& first = *messages.front();
  for (const MessagePtr& message : messages) {
    CDC_CHECK(message->columns.size() == first.columns.size());
  }
  for (size_t i = 0; i < first.columns.size(); ++i) {
    if (format.leaves_out && format.leaves_out(first.columns[i])) {
      continue;
    }
    EncodedColumn encoded;
    CDC_RETURN_IF_ERROR(
        EncodeColumn(CollectColumn(messages, i), format.without_null_rows, &encoded));
    WriteColumn(first.columns[i], format, encoded, writer);
  }
  return OkStatus();
}

}  // namespace cdc
