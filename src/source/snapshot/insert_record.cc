#include "source/snapshot/insert_record.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/status.h"
#include "source/snapshot/field_layout.h"
#include "wire/wire_writer.h"

namespace cdc {
namespace {

using wire::AppendBytesField;
using wire::AppendBytesHeader;
using wire::AppendVarint;
using wire::AppendVarintField;
using wire::BytesFieldSize;
using wire::VarintFieldSize;

constexpr uint64_t kInsertMessage = 400;  // common.MsgType
constexpr uint64_t kColumnBased = 1;      // msg.InsertDataVersion
constexpr int kElements = 1;              // of every array message, and of schema.ArrayArray

std::string PackInts(const std::vector<int64_t>& values, std::span<const size_t> rows) {
  std::string packed;
  for (const size_t row : rows) {
    AppendVarint(static_cast<uint64_t>(values[row]), &packed);
  }
  return packed;
}

// Floating point numbers are little-endian, in memory as in the record.
template <class Value>
std::string PackFixed(const std::vector<Value>& values, std::span<const size_t> rows) {
  std::string packed;
  packed.reserve(rows.size() * sizeof(Value));
  for (const size_t row : rows) {
    packed.append(reinterpret_cast<const char*>(&values[row]), sizeof(Value));
  }
  return packed;
}

std::string Concatenate(const ColumnChunk& chunk, std::span<const size_t> rows) {
  std::string bytes;
  for (const size_t row : rows) {
    bytes += chunk.BytesAt(row);
  }
  return bytes;
}

// Sparse vectors: pairs of an index, rising, and a number of four bytes each.
constexpr size_t kIndexBytes = sizeof(uint32_t);
constexpr size_t kPairBytes = 2 * kIndexBytes;

// The smallest dimension that all of them fit in.
int64_t SparseDim(const ColumnChunk& chunk, std::span<const size_t> rows) {
  int64_t dim = 0;
  for (const size_t row : rows) {
    const std::string_view pairs = chunk.BytesAt(row);
    if (pairs.size() >= kPairBytes) {
      uint32_t last = 0;
      std::memcpy(&last, pairs.data() + pairs.size() - kPairBytes, kIndexBytes);
      dim = std::max(dim, int64_t{last} + 1);
    }
  }
  return dim;
}

std::string ValidData(const ColumnChunk& chunk, std::span<const size_t> rows) {
  std::string valid;
  for (const size_t row : rows) {
    valid += chunk.valid[row];
  }
  return valid;
}

std::string Wrap(const std::string& elements) {
  std::string array;
  AppendBytesField(kElements, elements, &array);
  return array;
}

// The bytes of the variant: an array message, or those of the vectors.
std::string EncodeValues(const Field& field,
                         const ColumnChunk& chunk,
                         std::span<const size_t> rows) {
  constexpr int kElementType = 2;  // of schema.ArrayArray
  constexpr int kDim = 2;          // of schema.SparseFloatArray
  switch (field.type) {
    case DataType::kBool:
    case DataType::kInt8:
    case DataType::kInt16:
    case DataType::kInt32:
    case DataType::kInt64: return Wrap(PackInts(chunk.ints, rows));
    case DataType::kFloat: return Wrap(PackFixed(chunk.floats, rows));
    case DataType::kDouble: return Wrap(PackFixed(chunk.doubles, rows));
    case DataType::kFloatVector: return Wrap(Concatenate(chunk, rows));
    case DataType::kBinaryVector:
    case DataType::kFloat16Vector:
    case DataType::kBFloat16Vector:
    case DataType::kInt8Vector: return Concatenate(chunk, rows);
    default: break;
  }
  std::string array;
  for (const size_t row : rows) {
    AppendBytesField(kElements, chunk.BytesAt(row), &array);
  }
  if (field.type == DataType::kArray) {
    AppendVarintField(kElementType, static_cast<uint64_t>(field.element_type), &array);
  } else if (field.type == DataType::kSparseFloatVector) {
    AppendVarintField(kDim, static_cast<uint64_t>(SparseDim(chunk, rows)), &array);
  }
  return array;
}

// Appends a schema.FieldData as field `number`.
void AppendColumn(int number,
                  const Field& field,
                  const ColumnChunk& chunk,
                  std::span<const size_t> rows,
                  std::string* out) {
  const Result<FieldLayout> layout = LayoutOf(field);
  CDC_CHECK(layout.ok());  // its values were read
  const std::string values = EncodeValues(field, chunk, rows);
  const auto dim = static_cast<uint64_t>(
      field.type == DataType::kSparseFloatVector ? SparseDim(chunk, rows) : layout->dim);
  const size_t data_size = BytesFieldSize(layout->variant, values.size()) +
                           (layout->is_vector ? VarintFieldSize(1, dim) : 0);
  std::string head;
  AppendVarintField(1, static_cast<uint64_t>(field.type), &head);
  AppendBytesField(2, field.name, &head);
  AppendVarintField(5, static_cast<uint64_t>(field.id.value), &head);
  if (field.is_dynamic) {
    AppendVarintField(6, 1, &head);
  }
  if (field.nullable) {
    AppendBytesField(7, ValidData(chunk, rows), &head);
  }
  const int data_field = layout->is_vector ? 4 : 3;
  AppendBytesHeader(number, head.size() + BytesFieldSize(data_field, data_size), out);
  *out += head;
  AppendBytesHeader(data_field, data_size, out);
  if (layout->is_vector) {
    AppendVarintField(1, dim, out);
  }
  AppendBytesField(layout->variant, values, out);
}

}  // namespace

std::string EncodeInsertRecord(const RowPlace& place,
                               const std::vector<Field>& fields,
                               const RowChunk& chunk,
                               std::span<const size_t> rows) {
  std::string base;
  AppendVarintField(1, kInsertMessage, &base);
  std::string out;
  AppendBytesField(1, base, &out);
  AppendBytesField(2, place.vchannel, &out);
  AppendBytesField(5, place.partition_name, &out);
  AppendVarintField(7, static_cast<uint64_t>(place.collection.value), &out);
  AppendVarintField(8, static_cast<uint64_t>(place.partition.value), &out);
  AppendVarintField(9, static_cast<uint64_t>(place.segment.value), &out);
  AppendBytesField(10, PackInts(chunk.times.ints, rows), &out);
  AppendBytesField(11, PackInts(chunk.row_ids.ints, rows), &out);
  for (size_t i = 0; i < fields.size(); ++i) {
    AppendColumn(13, fields[i], chunk.columns[i], rows, &out);
  }
  AppendVarintField(14, rows.size(), &out);
  AppendVarintField(15, kColumnBased, &out);
  return out;
}

}  // namespace cdc
