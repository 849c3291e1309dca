#include "events/column_cursor.h"

#include "wire/varint.h"
#include "wire/wire_writer.h"

namespace cdc {
namespace {

using Element = ColumnLayout::Element;

// The values of a body that is nothing but one packed field, as all servers write it.
bool InOnePiece(std::string_view body, std::string_view* packed) {
  WireReader reader(body);
  if (!reader.Next() || reader.field() != kArrayData || reader.type() != WireType::kBytes) {
    return false;
  }
  *packed = reader.bytes();
  return packed->data() + packed->size() == body.data() + body.size();
}

}  // namespace

Status ColumnCursor::Error(std::string_view what) const {
  return DataLossError("column \"" + std::string(column_.name) + "\": " + std::string(what));
}

Status ColumnCursor::Start(const Column& column, uint32_t rows) {
  column_ = column;
  layout_ = LayoutOf(column);
  rows_ = rows;
  row_ = 0;
  if (!column.valid_data.empty() && column.valid_data.size() != rows) {
    return Error("it does not have one null flag a row");
  }
  if (layout_.element == Element::kBytes) {
    reader_ = WireReader(column.body);
    return OkStatus();
  }
  if (column.kind == ColumnKind::kVectorBytes) {
    packed_ = column.body;
  } else if (!InOnePiece(column.body, &packed_)) {
    CDC_RETURN_IF_ERROR(Join());
  }
  if (layout_.element == Element::kFixed) {
    // By division: a hostile dimension must not overflow.
    const bool whole = layout_.width != 0 && packed_.size() % layout_.width == 0;
    if (!whole || packed_.size() / layout_.width != rows) {
      return Error("it does not have one value a row");
    }
  }
  return OkStatus();
}

// Protobuf allows a packed field in several pieces, and its elements one by one.
Status ColumnCursor::Join() {
  joined_.clear();
  WireReader reader(column_.body);
  while (reader.Next()) {
    if (reader.field() != kArrayData) {
      continue;
    }
    if (reader.type() != WireType::kVarint) {
      joined_.append(reader.bytes());
    } else if (layout_.element == Element::kVarint) {
      wire::AppendVarint(reader.number(), &joined_);
    } else {
      return Error("its values are not of its type");
    }
  }
  if (!reader.status().ok()) {
    return Error(reader.status().message());
  }
  packed_ = joined_;
  return OkStatus();
}

Status ColumnCursor::Next() {
  CDC_CHECK(row_ < rows_);
  is_null_ = !column_.valid_data.empty() && column_.valid_data[row_] == '\0';
  ++row_;
  if (layout_.element == Element::kFixed) {
    bytes_ = packed_.substr(0, layout_.width);
    packed_.remove_prefix(layout_.width);
    return OkStatus();
  }
  if (layout_.element == Element::kVarint) {
    const char* const end = packed_.data() + packed_.size();
    const char* const behind = wire::ReadVarint(packed_.data(), end, &number_);
    if (behind == nullptr) {
      return Error("it does not have one value a row");
    }
    packed_.remove_prefix(static_cast<size_t>(behind - packed_.data()));
    return OkStatus();
  }
  CDC_RETURN_IF_ERROR(NextBytes());
  return has_bytes_ ? OkStatus() : Error("it does not have one value a row");
}

Status ColumnCursor::NextBytes() {
  has_bytes_ = false;
  while (!has_bytes_ && reader_.Next()) {
    if (reader_.field() == kArrayData) {
      if (reader_.type() != WireType::kBytes) {
        return Error("its values are not of its type");
      }
      bytes_ = reader_.bytes();
      has_bytes_ = true;
    }
  }
  return reader_.status().ok() ? OkStatus() : Error(reader_.status().message());
}

Status ColumnCursor::CheckEnd() {
  if (layout_.element == Element::kBytes) {
    CDC_RETURN_IF_ERROR(NextBytes());
    return has_bytes_ ? Error("it has more than one value a row") : OkStatus();
  }
  return packed_.empty() ? OkStatus() : Error("it has more than one value a row");
}

}  // namespace cdc
