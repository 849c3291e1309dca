#include "encode/null_rows.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "model/column_layout.h"
#include "wire/varint.h"
#include "wire/wire_reader.h"
#include "wire/wire_writer.h"

namespace cdc {
namespace {

using Element = ColumnLayout::Element;

// The bytes of each row, as views of the column's body.
struct Rows {
  std::vector<std::string_view> rows;
  std::string trailer;  // fields of the array message that are not rows
};

bool SplitVarints(std::string_view packed, std::vector<std::string_view>* rows) {
  const char* const end = packed.data() + packed.size();
  for (const char* at = packed.data(); at != end;) {
    uint64_t value = 0;
    const char* const behind = wire::ReadVarint(at, end, &value);
    if (behind == nullptr) {
      return false;
    }
    rows->emplace_back(at, static_cast<size_t>(behind - at));
    at = behind;
  }
  return true;
}

bool SplitFixed(std::string_view packed, size_t width, std::vector<std::string_view>* rows) {
  if (width == 0 || packed.size() % width != 0) {
    return false;
  }
  for (; !packed.empty(); packed.remove_prefix(width)) {
    rows->push_back(packed.substr(0, width));
  }
  return true;
}

bool SplitBody(const Column& column, const ColumnLayout& layout, Rows* out) {
  if (column.kind == ColumnKind::kVectorBytes) {
    return SplitFixed(column.body, layout.width, &out->rows);
  }
  // Protobuf allows a packed field in several parts, so every one is split.
  WireReader reader(column.body);
  while (reader.Next()) {
    const bool is_data = reader.field() == kArrayData;
    const std::string_view content = reader.bytes();
    if (is_data && reader.type() == WireType::kBytes && layout.element == Element::kVarint) {
      if (!SplitVarints(content, &out->rows)) {
        return false;
      }
    } else if (is_data && reader.type() == WireType::kBytes && layout.element == Element::kFixed) {
      if (!SplitFixed(content, layout.width, &out->rows)) {
        return false;
      }
    } else if (is_data) {
      out->rows.push_back(content);
    } else if (reader.type() == WireType::kVarint) {  // element_type, dim
      wire::AppendVarintField(reader.field(), reader.number(), &out->trailer);
    }
  }
  return reader.status().ok();
}

std::string Join(const Column& column,
                 const ColumnLayout& layout,
                 const Rows& rows,
                 std::string_view keep) {
  std::string values;
  for (size_t i = 0; i < rows.rows.size(); ++i) {
    if (keep[i] == 0) {
      continue;
    }
    if (layout.element == Element::kBytes) {
      wire::AppendBytesField(kArrayData, rows.rows[i], &values);
    } else {
      values.append(rows.rows[i]);
    }
  }
  if (layout.element == Element::kBytes || column.kind == ColumnKind::kVectorBytes) {
    return values + rows.trailer;
  }
  std::string body;
  if (!values.empty()) {
    wire::AppendBytesField(kArrayData, values, &body);
  }
  return body + rows.trailer;
}

Status AtColumn(const Column& column, const std::string& what) {
  return DataLossError("column " + std::string(column.name) + ": " + what);
}

}  // namespace

Result<std::string> WithoutNullRows(const Column& column) {
  const ColumnLayout layout = LayoutOf(column);
  Rows rows;
  if (!SplitBody(column, layout, &rows)) {
    return AtColumn(column, "values are malformed");
  }
  const auto valid =
      column.valid_data.size() -
      static_cast<size_t>(std::count(column.valid_data.begin(), column.valid_data.end(), '\0'));
  if (rows.rows.size() == valid) {
    return std::string(column.body);
  }
  if (rows.rows.size() != column.valid_data.size()) {
    return AtColumn(column,
                    "values do not match the null flags: " + std::to_string(rows.rows.size()) +
                        " for " + std::to_string(column.valid_data.size()) + " rows");
  }
  return Join(column, layout, rows, column.valid_data);
}

Result<std::string> BodyOfRows(const Column& column, std::string_view keep) {
  const ColumnLayout layout = LayoutOf(column);
  Rows rows;
  if (!SplitBody(column, layout, &rows) || rows.rows.size() != keep.size()) {
    return AtColumn(column, "it does not have one value a row");
  }
  return Join(column, layout, rows, keep);
}

}  // namespace cdc
