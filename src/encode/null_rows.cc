#include "encode/null_rows.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "wire/varint.h"
#include "wire/wire_reader.h"
#include "wire/wire_writer.h"

namespace cdc {
namespace {

enum class Element { kVarint, kFixed, kBytes };

// How a row is stored in the body.
struct Layout {
  Element element = Element::kBytes;
  size_t width = 0;  // kFixed: bytes per row
};

constexpr int kArrayData = 1;  // the repeated field of every array message

// Members of VectorField's oneof. The layout is decided by them and not by the column's type,
// because that may be unknown.
constexpr int kFloatVector = 2;
constexpr int kBinaryVector = 3;
constexpr int kInt8Vector = 7;

Layout LayoutOfScalar(int oneof_field) {
  switch (oneof_field) {
    case 1:   // bool
    case 2:   // int
    case 3:   // long
    case 11:  // timestamptz
      return {Element::kVarint, 0};
    case 4: return {Element::kFixed, 4};  // float
    case 5: return {Element::kFixed, 8};  // double
    default: return {Element::kBytes, 0};
  }
}

Layout LayoutOf(const Column& column) {
  const auto dim = static_cast<size_t>(column.dim);
  switch (column.kind) {
    case ColumnKind::kScalarArray: return LayoutOfScalar(column.oneof_field);
    case ColumnKind::kVectorArray:
      return column.oneof_field == kFloatVector ? Layout{Element::kFixed, 4 * dim}
                                                : Layout{Element::kBytes, 0};
    case ColumnKind::kVectorBytes:
      if (column.oneof_field == kBinaryVector) {
        return {Element::kFixed, dim / 8};
      }
      return {Element::kFixed, column.oneof_field == kInt8Vector ? dim : 2 * dim};
    case ColumnKind::kNone: break;
  }
  return {};
}

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

bool SplitBody(const Column& column, const Layout& layout, Rows* out) {
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
                 const Layout& layout,
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
  const Layout layout = LayoutOf(column);
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
  const Layout layout = LayoutOf(column);
  Rows rows;
  if (!SplitBody(column, layout, &rows) || rows.rows.size() != keep.size()) {
    return AtColumn(column, "it does not have one value a row");
  }
  return Join(column, layout, rows, keep);
}

}  // namespace cdc
