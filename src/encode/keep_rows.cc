#include "encode/keep_rows.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "encode/null_rows.h"
#include "wire/wire_reader.h"
#include "wire/wire_writer.h"

namespace cdc {
namespace {

using wire::AppendBytesField;
using wire::AppendBytesHeader;
using wire::AppendVarint;
using wire::AppendVarintField;

constexpr uint64_t kInsertMessage = 400;  // common.MsgType
constexpr uint64_t kColumnBased = 1;      // msg.InsertDataVersion

std::string KeptBytes(std::string_view bytes, std::string_view keep) {
  std::string kept;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (keep[i] != 0) {
      kept += bytes[i];
    }
  }
  return kept;
}

std::string KeptNumbers(std::string_view packed, std::string_view keep) {
  std::string kept;
  PackedReader numbers(packed);
  uint64_t number = 0;
  for (size_t i = 0; i < keep.size() && numbers.Next(&number); ++i) {
    if (keep[i] != 0) {
      AppendVarint(number, &kept);
    }
  }
  return kept;
}

// Appends a schema.FieldData as field 13.
Status AppendColumn(const Column& column, std::string_view keep, std::string* out) {
  CDC_ASSIGN_OR_RETURN(const std::string body, BodyOfRows(column, keep));
  const bool is_vector = column.kind != ColumnKind::kScalarArray;
  std::string values;
  if (is_vector && column.dim != 0) {
    AppendVarintField(1, static_cast<uint64_t>(column.dim), &values);
  }
  AppendBytesField(column.oneof_field, body, &values);
  std::string data;
  AppendVarintField(1, static_cast<uint64_t>(column.type), &data);
  AppendBytesField(2, column.name, &data);
  AppendBytesField(is_vector ? 4 : 3, values, &data);
  AppendVarintField(5, static_cast<uint64_t>(column.field.value), &data);
  if (column.is_dynamic) {
    AppendVarintField(6, 1, &data);
  }
  if (!column.valid_data.empty()) {
    AppendBytesField(7, KeptBytes(column.valid_data, keep), &data);
  }
  AppendBytesField(13, data, out);
  return OkStatus();
}

}  // namespace

Result<std::string> EncodeKeptRows(const Message& insert, std::string_view keep) {
  const auto rows = static_cast<size_t>(
      std::count_if(keep.begin(), keep.end(), [](char each) { return each != 0; }));
  std::string base;
  AppendVarintField(1, kInsertMessage, &base);
  AppendVarintField(3, insert.ts.value, &base);
  std::string out;
  out.reserve(insert.payload.bytes.size());
  AppendBytesField(1, base, &out);
  AppendBytesField(2, insert.vchannel, &out);
  AppendBytesField(5, insert.partition_name, &out);
  AppendVarintField(7, static_cast<uint64_t>(insert.collection.value), &out);
  AppendVarintField(8, static_cast<uint64_t>(insert.partition.value), &out);
  if (insert.row_times.empty()) {
    AppendBytesHeader(10, wire::VarintSize(insert.ts.value) * rows, &out);
    for (size_t i = 0; i < rows; ++i) {
      AppendVarint(insert.ts.value, &out);
    }
  } else {
    AppendBytesField(10, KeptNumbers(insert.row_times, keep), &out);
  }
  if (!insert.row_ids.empty()) {
    AppendBytesField(11, KeptNumbers(insert.row_ids, keep), &out);
  }
  for (const Column& column : insert.columns) {
    CDC_RETURN_IF_ERROR(AppendColumn(column, keep, &out));
  }
  AppendVarintField(14, rows, &out);
  AppendVarintField(15, kColumnBased, &out);
  return out;
}

}  // namespace cdc
