#include "decode/column.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "wire/wire_reader.h"

namespace cdc {
namespace {

// How the elements of an array message are encoded in its field `data`.
enum class Elements { kVarint, kFixed32, kFixed64, kBytes };

// The variants of schema.ScalarField.data by field number; all arrays have their elements in field
// 1.
Result<Elements> ScalarElements(int oneof_field) {
  switch (oneof_field) {
    case 1:   // bool_data
    case 2:   // int_data
    case 3:   // long_data
    case 11:  // timestamptz_data
      return Elements::kVarint;
    case 4:  // float_data
      return Elements::kFixed32;
    case 5:  // double_data
      return Elements::kFixed64;
    case 6:   // string_data
    case 7:   // bytes_data
    case 8:   // array_data
    case 9:   // json_data
    case 10:  // geometry_data
    case 12:  // geometry_wkt_data
      return Elements::kBytes;
    default:
      return DataLossError("its data has an unknown form: scalar " + std::to_string(oneof_field));
  }
}

// Whether a column of `type` may have its data in this variant. They must agree: we count rows by
// the variant, but the target reads them by the type.
bool FitsType(DataType type, bool vectors, int form) {
  const auto scalar = [&](int wanted) { return !vectors && form == wanted; };
  const auto vector = [&](int wanted) { return vectors && form == wanted; };
  switch (type) {
    case DataType::kBool: return scalar(1);
    case DataType::kInt8:
    case DataType::kInt16:
    case DataType::kInt32: return scalar(2);
    case DataType::kInt64: return scalar(3);
    case DataType::kFloat: return scalar(4);
    case DataType::kDouble: return scalar(5);
    case DataType::kString:
    case DataType::kVarChar:
    case DataType::kText: return scalar(6) || scalar(7);
    case DataType::kArray: return scalar(8);
    case DataType::kJson: return scalar(9);
    case DataType::kGeometry: return scalar(10) || scalar(12);
    case DataType::kTimestamptz: return scalar(11) || scalar(3) || scalar(6);
    case DataType::kFloatVector: return vector(2);
    case DataType::kBinaryVector: return vector(3);
    case DataType::kFloat16Vector: return vector(4);
    case DataType::kBFloat16Vector: return vector(5);
    case DataType::kSparseFloatVector: return vector(6);
    case DataType::kInt8Vector: return vector(7);
    case DataType::kArrayOfVector: return vector(8);
    case DataType::kNone:
    case DataType::kArrayOfStruct: break;  // their layout is not known
  }
  return true;
}

// Counts packed elements.
Result<uint64_t> CountPacked(const WireReader& reader, Elements elements) {
  const std::string_view packed = reader.bytes();
  if (elements == Elements::kVarint) {
    // Exactly the last byte of a varint has its high bit clear.
    const auto ends = std::count_if(packed.begin(), packed.end(),
                                    [](char c) { return static_cast<unsigned char>(c) < 0x80; });
    if (!packed.empty() && static_cast<unsigned char>(packed.back()) >= 0x80) {
      return reader.Error("a packed number is cut off");
    }
    return static_cast<uint64_t>(ends);
  }
  const size_t size = elements == Elements::kFixed32 ? sizeof(uint32_t) : sizeof(uint64_t);
  if (packed.size() % size != 0) {
    return reader.Error("a packed number is cut off");
  }
  return packed.size() / size;
}

// Counts the elements of a repeated field of `body`, packed or not.
Result<uint64_t> CountElements(std::string_view body,
                               int field,
                               Elements elements,
                               const char* origin) {
  uint64_t count = 0;
  WireReader reader(body, origin);
  while (reader.Next()) {
    if (reader.field() != field) {
      continue;
    }
    const WireType type = reader.type();
    if (type == WireType::kBytes && elements != Elements::kBytes) {
      CDC_ASSIGN_OR_RETURN(const uint64_t packed, CountPacked(reader, elements));
      count += packed;
    } else if ((type == WireType::kBytes && elements == Elements::kBytes) ||
               (type == WireType::kVarint && elements == Elements::kVarint) ||
               (type == WireType::kFixed32 && elements == Elements::kFixed32) ||
               (type == WireType::kFixed64 && elements == Elements::kFixed64)) {
      ++count;
    } else {
      return reader.Error("an element has a wrong wire type");
    }
  }
  CDC_RETURN_IF_ERROR(reader.status());
  return count;
}

// The rows of a vector column with `count` components, `per_row` in each.
Result<uint64_t> WholeRows(uint64_t count, uint64_t per_row) {
  if (per_row == 0 || count % per_row != 0) {
    return DataLossError("its data is not a whole number of vectors: " + std::to_string(count) +
                         " of " + std::to_string(per_row) + " a row");
  }
  return count / per_row;
}

Result<uint64_t> CountVectors(const Column& column, const char* origin) {
  const auto dim = static_cast<uint64_t>(column.dim);
  // Sparse vectors and arrays of vectors have no fixed size per row.
  const bool dense = column.oneof_field != 6 && column.oneof_field != 8;
  // A larger dimension would overflow below; no server allows more than 32 768.
  if (dense && (column.dim <= 0 || column.dim > std::numeric_limits<int32_t>::max())) {
    return DataLossError("its dimension is impossible: " + std::to_string(column.dim));
  }
  switch (column.oneof_field) {
    case 2: {  // float_vector
      CDC_ASSIGN_OR_RETURN(const uint64_t floats,
                           CountElements(column.body, 1, Elements::kFixed32, origin));
      return WholeRows(floats, dim);
    }
    case 3:  // binary_vector
      if (dim % 8 != 0) {
        return DataLossError("its dimension is no multiple of 8: " + std::to_string(dim));
      }
      return WholeRows(column.body.size(), dim / 8);
    case 4:  // float16_vector
    case 5:  // bfloat16_vector
      return WholeRows(column.body.size(), 2 * dim);
    case 6:  // sparse_float_vector
      return CountElements(column.body, 1, Elements::kBytes, origin);
    case 7:  // int8_vector
      return WholeRows(column.body.size(), dim);
    case 8:  // vector_array
      return CountElements(column.body, 2, Elements::kBytes, origin);
    default:
      return DataLossError("its data has an unknown form: vector " +
                           std::to_string(column.oneof_field));
  }
}

Result<uint64_t> CountRows(const Column& column, const char* origin) {
  if (column.kind == ColumnKind::kScalarArray) {
    CDC_ASSIGN_OR_RETURN(const Elements elements, ScalarElements(column.oneof_field));
    return CountElements(column.body, 1, elements, origin);
  }
  return CountVectors(column, origin);
}

// Reads a ScalarField or VectorField: which variant its data has, and where it is.
Status ReadData(std::string_view bytes, bool vectors, const char* origin, Column* column) {
  WireReader reader(bytes, origin);
  while (reader.Next()) {
    if (vectors && reader.field() == 1) {
      CDC_RETURN_IF_ERROR(ReadField(reader, "dim", &column->dim));
      continue;
    }
    if (column->oneof_field != 0) {
      return reader.Error("its data occurs twice");
    }
    CDC_RETURN_IF_ERROR(ReadField(reader, "its data", &column->body));
    column->oneof_field = reader.field();
  }
  CDC_RETURN_IF_ERROR(reader.status());
  const bool raw = vectors && (column->oneof_field == 3 || column->oneof_field == 4 ||
                               column->oneof_field == 5 || column->oneof_field == 7);
  column->kind = !vectors ? ColumnKind::kScalarArray
                 : raw    ? ColumnKind::kVectorBytes
                          : ColumnKind::kVectorArray;
  return OkStatus();
}

// valid_data in every form protobuf allows: packed, packed in pieces, one by one. Only the first
// form is a view; the others have to be put together.
class ValidData {
 public:
  Status Add(const WireReader& reader) {
    if (reader.type() == WireType::kVarint) {
      Begin();
      rebuilt_ += reader.number() != 0 ? '\1' : '\0';
      return OkStatus();
    }
    std::string_view packed;
    CDC_RETURN_IF_ERROR(ReadField(reader, "valid_data", &packed));
    if (std::any_of(packed.begin(), packed.end(), [](char c) { return c != '\0' && c != '\1'; })) {
      return reader.Error("valid_data holds something else than 0 and 1");
    }
    if (single_.empty() && !in_pieces_) {
      single_ = packed;
    } else {
      Begin();
      rebuilt_ += packed;
    }
    return OkStatus();
  }

  std::string_view Take(std::deque<std::string>* rebuilt) {
    return in_pieces_ ? std::string_view(rebuilt->emplace_back(std::move(rebuilt_))) : single_;
  }

 private:
  void Begin() {
    if (!in_pieces_) {
      in_pieces_ = true;
      rebuilt_ = single_;
    }
  }

  std::string_view single_;
  std::string rebuilt_;
  bool in_pieces_ = false;
};

Status ReadFieldData(WireReader& reader,
                     const char* origin,
                     Column* column,
                     ValidData* valid_data) {
  switch (reader.field()) {
    case 1: {
      int64_t type = 0;
      CDC_RETURN_IF_ERROR(ReadField(reader, "type", &type));
      column->type = static_cast<DataType>(type);
      return OkStatus();
    }
    case 2: return ReadField(reader, "field_name", &column->name);
    case 3:
    case 4: {
      if (column->kind != ColumnKind::kNone) {
        return reader.Error("its data occurs twice");
      }
      std::string_view data;
      CDC_RETURN_IF_ERROR(ReadField(reader, "its data", &data));
      return ReadData(data, reader.field() == 4, origin, column);
    }
    case 5: return ReadField(reader, "field_id", &column->field.value);
    case 6: return ReadField(reader, "is_dynamic", &column->is_dynamic);
    case 7: return valid_data->Add(reader);
    case 8: return reader.Error("a column of structs is not supported");
    default: return OkStatus();
  }
}

Status CheckRows(const Column& column, uint32_t rows, const char* origin) {
  if (column.oneof_field == 0) {
    return rows == 0 ? OkStatus() : DataLossError("it has no data");
  }
  const bool vectors = column.kind != ColumnKind::kScalarArray;
  if (!FitsType(column.type, vectors, column.oneof_field)) {
    return DataLossError("its data is not of its type: " + DataTypeName(column.type) + " in " +
                         (vectors ? "vector " : "scalar ") + std::to_string(column.oneof_field));
  }
  CDC_ASSIGN_OR_RETURN(const uint64_t found, CountRows(column, origin));
  if (found != rows) {
    return DataLossError("it does not have one value a row: " + std::to_string(found) + " of " +
                         std::to_string(rows));
  }
  if (!column.valid_data.empty() && column.valid_data.size() != rows) {
    return DataLossError("valid_data does not have one value a row: " +
                         std::to_string(column.valid_data.size()) + " of " + std::to_string(rows));
  }
  return OkStatus();
}

}  // namespace

Result<Column> DecodeColumn(std::string_view bytes,
                            uint32_t rows,
                            const char* origin,
                            std::deque<std::string>* rebuilt) {
  Column column;
  ValidData valid_data;
  WireReader reader(bytes, origin);
  Status status;
  while (status.ok() && reader.Next()) {
    status = ReadFieldData(reader, origin, &column, &valid_data);
  }
  if (status.ok()) {
    status = reader.status();
  }
  if (status.ok()) {
    column.valid_data = valid_data.Take(rebuilt);
    status = CheckRows(column, rows, origin);
  }
  if (!status.ok()) {
    return AtColumn(status, column, static_cast<size_t>(bytes.data() - origin));
  }
  return column;
}

Status AtColumn(const Status& status, const Column& column, size_t offset) {
  constexpr size_t kShownBytes = 128;
  std::string name(column.name.substr(0, kShownBytes));
  if (column.name.size() > kShownBytes) {
    name += "…";
  }
  return status.WithContext("column \"" + name + "\" (id " + std::to_string(column.field.value) +
                            ", from byte " + std::to_string(offset) + ")");
}

Result<uint64_t> CountKeys(const KeyColumn& keys, const char* origin) {
  return CountElements(keys.body, 1, keys.is_string ? Elements::kBytes : Elements::kVarint, origin);
}

}  // namespace cdc
