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
using wire::AppendVarintField;
using wire::BytesFieldSize;
using wire::VarintFieldSize;

constexpr uint64_t kInsertMessage = 400;  // common.MsgType
constexpr uint64_t kColumnBased = 1;      // msg.InsertDataVersion
constexpr int kElements = 1;              // of every array message, and of schema.ArrayArray

std::string PackInts(const std::vector<int64_t>& values, std::span<const size_t> rows) {
  // Byte by byte into a string is slow, and there are three such numbers for each row.
  constexpr size_t kLongest = wire::VarintSize(~uint64_t{0});
  std::string packed(rows.size() * kLongest, '\0');
  char* end = packed.data();
  for (const size_t row : rows) {
    auto value = static_cast<uint64_t>(values[row]);
    for (; value >= 0x80; value >>= 7) {
      *end++ = static_cast<char>(value | 0x80);
    }
    *end++ = static_cast<char>(value);
  }
  packed.resize(static_cast<size_t>(end - packed.data()));
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

size_t BytesOf(const ColumnChunk& chunk, std::span<const size_t> rows) {
  size_t bytes = 0;
  for (const size_t row : rows) {
    bytes += chunk.BytesAt(row).size();
  }
  return bytes;
}

// Rows side by side, as most are, are one piece: each piece is copied once, from the chunk into the
// record.
void AppendRows(const ColumnChunk& chunk, std::span<const size_t> rows, std::string* out) {
  for (size_t first = 0; first < rows.size();) {
    size_t last = first;
    while (last + 1 < rows.size() && rows[last + 1] == rows[last] + 1) {
      ++last;
    }
    const char* begin = chunk.BytesAt(rows[first]).data();
    const std::string_view end = chunk.BytesAt(rows[last]);
    out->append(begin, static_cast<size_t>(end.data() + end.size() - begin));
    first = last + 1;
  }
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

// Whether the values of all rows, one behind the other, end what EncodeValues returns.
bool EndsInRows(DataType type) {
  return type == DataType::kFloatVector || type == DataType::kBinaryVector ||
         type == DataType::kFloat16Vector || type == DataType::kBFloat16Vector ||
         type == DataType::kInt8Vector;
}

// The bytes of the variant: an array message, or those of the vectors, which are not copied here.
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
    case DataType::kFloatVector: {
      std::string head;
      AppendBytesHeader(kElements, BytesOf(chunk, rows), &head);
      return head;
    }
    case DataType::kBinaryVector:
    case DataType::kFloat16Vector:
    case DataType::kBFloat16Vector:
    case DataType::kInt8Vector: return {};
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
  const bool with_rows = EndsInRows(field.type);
  const size_t size = values.size() + (with_rows ? BytesOf(chunk, rows) : 0);
  const size_t data_size =
      BytesFieldSize(layout->variant, size) + (layout->is_vector ? VarintFieldSize(1, dim) : 0);
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
  AppendBytesHeader(layout->variant, size, out);
  *out += values;
  if (with_rows) {
    AppendRows(chunk, rows, out);
  }
}

// About the size of the record, so that it is not moved while it grows.
size_t GuessSize(const RowChunk& chunk, std::span<const size_t> rows) {
  constexpr size_t kHead = 1024;
  constexpr size_t kNumber = 10;  // at most
  size_t size = kHead + 2 * kNumber * rows.size();
  for (const ColumnChunk& column : chunk.columns) {
    size += column.ends.empty() ? kNumber * rows.size()
                                : BytesOf(column, rows) + sizeof(uint32_t) * rows.size();
  }
  return size;
}

}  // namespace

std::string EncodeInsertRecord(const RowPlace& place,
                               const std::vector<Field>& fields,
                               const RowChunk& chunk,
                               std::span<const size_t> rows) {
  std::string base;
  AppendVarintField(1, kInsertMessage, &base);
  std::string out;
  out.reserve(GuessSize(chunk, rows));
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
