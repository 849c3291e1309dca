#include "source/query/answer_column.h"

#include <algorithm>

#include "wire/wire_reader.h"
#include "wire/wire_writer.h"

namespace cdc {
namespace {

using wire::AppendBytesField;
using wire::AppendBytesHeader;
using wire::AppendVarintField;
using wire::BytesFieldSize;
using wire::VarintFieldSize;

constexpr int kElements = 1;  // of every array message
constexpr int kBitsPerByte = 8;

// How a variant holds its values.
enum class Form {
  kVarints,  // an array message of packed varints
  kFixed,    // an array message of packed numbers of one width
  kEntries,  // an array message of texts, documents or messages
  kRaw,      // bytes, without a message
};

struct Layout {
  int variant;
  Form form;
  size_t bits;  // kFixed, kRaw: of a value, or of a dimension
};

// The variants of ScalarField: bool, int, long, float, double, string, bytes, array, json,
// geometry, timestamptz and geometry as text.
constexpr Layout kScalars[] = {
    {1, Form::kVarints, 0},  {2, Form::kVarints, 0},  {3, Form::kVarints, 0},
    {4, Form::kFixed, 32},   {5, Form::kFixed, 64},   {6, Form::kEntries, 0},
    {7, Form::kEntries, 0},  {8, Form::kEntries, 0},  {9, Form::kEntries, 0},
    {10, Form::kEntries, 0}, {11, Form::kVarints, 0}, {12, Form::kEntries, 0},
};

// Those of VectorField: float, binary, float16, bfloat16, sparse and int8 vectors.
constexpr Layout kVectors[] = {
    {2, Form::kFixed, 32}, {3, Form::kRaw, 1},     {4, Form::kRaw, 16},
    {5, Form::kRaw, 16},   {6, Form::kEntries, 0}, {7, Form::kRaw, 8},
};
constexpr int kVectorDim = 1;
constexpr int kSparseDim = 2;
constexpr int kArrayElementType = 2;

const Layout* LayoutOf(bool is_vector, int variant) {
  const Layout* begin = is_vector ? std::begin(kVectors) : std::begin(kScalars);
  const Layout* end = is_vector ? std::end(kVectors) : std::end(kScalars);
  const Layout* found =
      std::find_if(begin, end, [variant](const Layout& each) { return each.variant == variant; });
  return found == end ? nullptr : found;
}

// The packed numbers of an array message. Servers write them in one piece.
Result<std::string_view> PackedIn(std::string_view message) {
  std::string_view packed;
  bool found = false;
  WireReader reader(message);
  while (reader.Next()) {
    if (reader.field() != kElements || reader.type() != WireType::kBytes || found) {
      return reader.Error("numbers in an unknown form");
    }
    packed = reader.bytes();
    found = true;
  }
  CDC_RETURN_IF_ERROR(reader.status());
  return packed;
}

Status SplitVarints(std::string_view packed, AnswerColumn* column) {
  size_t begin = 0;
  for (size_t i = 0; i < packed.size(); ++i) {
    if ((static_cast<unsigned char>(packed[i]) & 0x80U) == 0) {
      column->values.push_back(packed.substr(begin, i + 1 - begin));
      begin = i + 1;
    }
  }
  return begin == packed.size() ? OkStatus() : DataLossError("numbers are cut off");
}

Status SplitFixed(std::string_view bytes, size_t width, AnswerColumn* column) {
  if (width == 0 || bytes.size() % width != 0) {
    return DataLossError("values do not fit their width: " + std::to_string(bytes.size()) +
                         " and " + std::to_string(width));
  }
  for (size_t at = 0; at < bytes.size(); at += width) {
    column->values.push_back(bytes.substr(at, width));
  }
  return OkStatus();
}

// Keeps the frame of each entry, so that entries in a row are the bytes of a message again.
Status SplitEntries(std::string_view message, AnswerColumn* column) {
  WireReader reader(message);
  while (reader.Next()) {
    if (reader.field() == kElements) {
      if (reader.type() != WireType::kBytes) {
        return reader.Error("entries in an unknown form");
      }
      const size_t end =
          static_cast<size_t>(reader.bytes().data() - message.data()) + reader.bytes().size();
      column->values.push_back(message.substr(reader.offset(), end - reader.offset()));
    } else if (column->is_vector && reader.field() == kSparseDim) {
      column->dim = reader.number();
    }
  }
  return reader.status();
}

Status SplitValues(std::string_view body, AnswerColumn* column) {
  const Layout* layout = LayoutOf(column->is_vector, column->variant);
  if (layout == nullptr) {
    return DataLossError("values in an unknown form: " + std::to_string(column->variant));
  }
  const size_t width = layout->bits * (column->is_vector ? column->dim : 1) / kBitsPerByte;
  switch (layout->form) {
    case Form::kVarints: {
      CDC_ASSIGN_OR_RETURN(const std::string_view packed, PackedIn(body));
      return SplitVarints(packed, column);
    }
    case Form::kFixed: {
      CDC_ASSIGN_OR_RETURN(const std::string_view packed, PackedIn(body));
      return SplitFixed(packed, width, column);
    }
    case Form::kEntries: return SplitEntries(body, column);
    case Form::kRaw: return SplitFixed(body, width, column);
  }
  return OkStatus();
}

// `bytes`: a ScalarField or VectorField.
Status ReadValues(std::string_view bytes, AnswerColumn* column) {
  std::string_view body;
  WireReader reader(bytes);
  while (reader.Next()) {
    if (column->is_vector && reader.field() == kVectorDim) {
      column->dim = reader.number();
    } else {
      CDC_RETURN_IF_ERROR(ReadField(reader, "values", &body));
      column->variant = reader.field();
    }
  }
  CDC_RETURN_IF_ERROR(reader.status());
  return column->variant == 0 ? OkStatus() : SplitValues(body, column);  // 0: no rows
}

std::string Join(const std::vector<std::string_view>& values, const std::vector<uint32_t>& rows) {
  size_t size = 0;
  for (const uint32_t row : rows) {
    size += values[row].size();
  }
  std::string joined;
  joined.reserve(size);
  // Values that follow each other in the answer are copied at once.
  std::string_view run;
  for (const uint32_t row : rows) {
    const std::string_view value = values[row];
    if (run.data() + run.size() == value.data()) {
      run = {run.data(), run.size() + value.size()};
    } else {
      joined += run;
      run = value;
    }
  }
  joined += run;
  return joined;
}

// The variant of ScalarField that holds the elements of an array.
int VariantOfElements(DataType type) {
  switch (type) {
    case DataType::kBool: return 1;
    case DataType::kInt8:
    case DataType::kInt16:
    case DataType::kInt32: return 2;
    case DataType::kInt64: return 3;
    case DataType::kFloat: return 4;
    case DataType::kDouble: return 5;
    default: return 6;
  }
}

// Queries answer an array without elements as an empty message. Inserted like that it would make a
// Milvus 2.3.5 crash, which looks for the list of its type.
std::string JoinArrays(DataType element_type,
                       const std::vector<std::string_view>& values,
                       const std::vector<uint32_t>& rows) {
  std::string nothing;
  AppendBytesField(kElements, "", &nothing);
  std::string list;
  AppendBytesField(VariantOfElements(element_type), "", &list);
  std::string empty;
  AppendBytesField(kElements, list, &empty);
  std::string joined;
  for (const uint32_t row : rows) {
    joined += values[row] == nothing ? std::string_view(empty) : values[row];
  }
  return joined;
}

std::string BodyOf(const Field& field,
                   const AnswerColumn& column,
                   const std::vector<uint32_t>& rows) {
  std::string values = field.type == DataType::kArray
                           ? JoinArrays(field.element_type, column.values, rows)
                           : Join(column.values, rows);
  const Layout* layout = LayoutOf(column.is_vector, column.variant);
  if (layout->form == Form::kRaw) {
    return values;
  }
  if (layout->form != Form::kEntries) {
    std::string body;
    AppendBytesField(kElements, values, &body);
    return body;
  }
  if (column.is_vector) {
    AppendVarintField(kSparseDim, column.dim, &values);
  } else if (field.type == DataType::kArray) {
    AppendVarintField(kArrayElementType, static_cast<uint64_t>(field.element_type), &values);
  }
  return values;
}

}  // namespace

Result<AnswerColumn> ReadAnswerColumn(std::string_view bytes) {
  AnswerColumn column;
  std::string_view values;
  WireReader reader(bytes);
  while (reader.Next()) {
    switch (reader.field()) {
      case 2: CDC_RETURN_IF_ERROR(ReadField(reader, "field_name", &column.name)); break;
      case 3:
      case 4:
        CDC_RETURN_IF_ERROR(ReadField(reader, "values", &values));
        column.is_vector = reader.field() == 4;
        break;
      case 5: CDC_RETURN_IF_ERROR(ReadField(reader, "field_id", &column.field)); break;
      case 7: CDC_RETURN_IF_ERROR(ReadField(reader, "valid_data", &column.valid)); break;
      default: break;
    }
  }
  CDC_RETURN_IF_ERROR(reader.status());
  const Status read = ReadValues(values, &column);
  if (read.ok() && !column.valid.empty() && column.valid.size() != column.values.size()) {
    return DataLossError("column " + std::string(column.name) + ": its nulls do not fit its rows");
  }
  CDC_RETURN_IF_ERROR(read.WithContext("column " + std::string(column.name)));
  return column;
}

void AppendColumn(const Field& field,
                  const AnswerColumn& column,
                  const std::vector<uint32_t>& rows,
                  std::string* out) {
  constexpr int kFieldsData = 13;
  const std::string body = BodyOf(field, column, rows);
  const size_t data_size = BytesFieldSize(column.variant, body.size()) +
                           (column.is_vector ? VarintFieldSize(kVectorDim, column.dim) : 0);
  std::string head;
  AppendVarintField(1, static_cast<uint64_t>(field.type), &head);
  AppendBytesField(2, field.name, &head);
  AppendVarintField(5, static_cast<uint64_t>(field.id.value), &head);
  if (field.is_dynamic) {
    AppendVarintField(6, 1, &head);
  }
  if (!column.valid.empty()) {
    AppendBytesHeader(7, rows.size(), &head);
    for (const uint32_t row : rows) {
      head.push_back(column.valid[row]);
    }
  }
  const int data_field = column.is_vector ? 4 : 3;
  AppendBytesHeader(kFieldsData, head.size() + BytesFieldSize(data_field, data_size), out);
  *out += head;
  AppendBytesHeader(data_field, data_size, out);
  if (column.is_vector) {
    AppendVarintField(kVectorDim, column.dim, out);
  }
  AppendBytesField(column.variant, body, out);
}

Result<std::vector<int64_t>> IntegersOf(const AnswerColumn& column) {
  const Layout* layout = LayoutOf(column.is_vector, column.variant);
  if (column.is_vector || layout == nullptr || layout->form != Form::kVarints) {
    return DataLossError("column " + std::string(column.name) + ": not integers");
  }
  std::vector<int64_t> integers;
  integers.reserve(column.values.size());
  for (const std::string_view value : column.values) {
    PackedReader reader(value);
    uint64_t integer = 0;
    if (!reader.Next(&integer) || reader.malformed()) {
      return DataLossError("column " + std::string(column.name) + ": malformed integers");
    }
    integers.push_back(static_cast<int64_t>(integer));
  }
  return integers;
}

Result<std::vector<std::string_view>> TextsOf(const AnswerColumn& column) {
  const Layout* layout = LayoutOf(column.is_vector, column.variant);
  if (column.is_vector || layout == nullptr || layout->form != Form::kEntries) {
    return DataLossError("column " + std::string(column.name) + ": not texts");
  }
  std::vector<std::string_view> texts;
  texts.reserve(column.values.size());
  for (const std::string_view value : column.values) {
    WireReader reader(value);
    if (!reader.Next()) {
      return DataLossError("column " + std::string(column.name) + ": malformed texts");
    }
    texts.push_back(reader.bytes());
  }
  return texts;
}

}  // namespace cdc
