#include "events/field_value.h"

#include <string_view>

#include "events/nested_value.h"
#include "events/scalar_value.h"
#include "wire/wire_reader.h"

namespace cdc {
namespace {

constexpr int kTimestamptzDefault = 8;  // of ValueField

bool FitsScalar(DataType type, int form) {
  switch (type) {
    case DataType::kBool: return form == kBoolData;
    case DataType::kInt8:
    case DataType::kInt16:
    case DataType::kInt32: return form == kIntData;
    case DataType::kInt64: return form == kLongData;
    case DataType::kFloat: return form == kFloatData;
    case DataType::kDouble: return form == kDoubleData;
    case DataType::kString:
    case DataType::kVarChar:
    case DataType::kText: return form == kStringData || form == kBytesData;
    case DataType::kArray: return form == kArrayOfData;
    case DataType::kJson: return form == kJsonData;
    case DataType::kGeometry: return form == kWkbData || form == kWktData;
    case DataType::kTimestamptz:
      return form == kTimestamptzData || form == kLongData || form == kStringData;
    default: return false;
  }
}

// The member of VectorField's oneof; 0: it has none.
int VectorForm(DataType type) {
  switch (type) {
    case DataType::kFloatVector: return 2;
    case DataType::kBinaryVector: return 3;
    case DataType::kFloat16Vector: return 4;
    case DataType::kBFloat16Vector: return 5;
    case DataType::kSparseFloatVector: return 6;
    case DataType::kInt8Vector: return 7;
    default: return 0;
  }
}

}  // namespace

bool IsVector(DataType type) { return VectorForm(type) != 0; }

std::string WhyNotOfType(const Column& column, DataType type) {
  const bool fits =
      IsVector(type)
          ? column.kind != ColumnKind::kScalarArray && column.oneof_field == VectorForm(type)
          : column.kind == ColumnKind::kScalarArray && FitsScalar(type, column.oneof_field);
  if (fits && column.type == type) {
    return "";
  }
  return "column \"" + std::string(column.name) + "\" is of type " + DataTypeName(column.type) +
         " in form " + std::to_string(column.oneof_field) + ", its field of type " +
         DataTypeName(type);
}

Status AppendFieldValue(const Field& field,
                        VectorFormat vectors,
                        const ColumnCursor& cursor,
                        JsonBuffer* scratch,
                        JsonBuffer* out) {
  const int form = cursor.column().oneof_field;
  scratch->Clear();
  switch (field.type) {
    case DataType::kFloat: out->AppendFloat(Load<float>(cursor.bytes())); break;
    case DataType::kDouble: out->AppendDouble(Load<double>(cursor.bytes())); break;
    case DataType::kTimestamptz:
      form == kStringData ? static_cast<void>(out->AppendString(cursor.bytes()))
                          : AppendInteger(field.type, cursor.number(), out);
      break;
    case DataType::kString:
    case DataType::kVarChar:
    case DataType::kText:
    case DataType::kJson: out->AppendString(cursor.bytes()); break;
    case DataType::kGeometry:
      AppendGeometry(form, cursor.bytes(), scratch);
      out->AppendString(scratch->text());
      break;
    case DataType::kArray:
      CDC_RETURN_IF_ERROR(AppendArray(field.element_type, cursor.bytes(), scratch));
      out->AppendString(scratch->text());
      break;
    case DataType::kSparseFloatVector:
      CDC_RETURN_IF_ERROR(AppendSparse(cursor.bytes(), scratch));
      out->AppendString(scratch->text());
      break;
    case DataType::kFloatVector:
      vectors == VectorFormat::kArray ? out->AppendFloats(cursor.bytes())
                                      : out->AppendBase64(cursor.bytes());
      break;
    case DataType::kBinaryVector:
    case DataType::kFloat16Vector:
    case DataType::kBFloat16Vector:
    case DataType::kInt8Vector: out->AppendBase64(cursor.bytes()); break;
    default: AppendInteger(field.type, cursor.number(), out); break;
  }
  return OkStatus();
}

Status AppendDefault(const Field& field, JsonBuffer* scratch, JsonBuffer* out) {
  if (field.default_value.empty()) {
    out->Append("null");
    return OkStatus();
  }
  const auto malformed = [&field] {
    return DataLossError("the default value of a field is malformed: " + field.name);
  };
  // A ValueField: one value, in the member of a oneof that goes with the type.
  WireReader reader(field.default_value);
  if (!reader.Next()) {
    return malformed();
  }
  const std::string_view bytes = reader.bytes();
  switch (reader.field()) {
    case kBoolData:
    case kIntData:
    case kLongData:
    case kTimestamptzDefault:
      if (reader.type() != WireType::kVarint) {
        return malformed();
      }
      AppendInteger(field.type, reader.number(), out);
      return OkStatus();
    case kFloatData:
      if (reader.type() != WireType::kFixed32) {
        return malformed();
      }
      out->AppendFloat(Load<float>(bytes));
      return OkStatus();
    case kDoubleData:
      if (reader.type() != WireType::kFixed64) {
        return malformed();
      }
      out->AppendDouble(Load<double>(bytes));
      return OkStatus();
    case kStringData:
    case kBytesData:
      if (reader.type() != WireType::kBytes) {
        return malformed();
      }
      if (field.type == DataType::kGeometry) {
        scratch->Clear();
        AppendGeometry(reader.field() == kStringData ? kWktData : kWkbData, bytes, scratch);
        out->AppendString(scratch->text());
      } else {
        out->AppendString(bytes);
      }
      return OkStatus();
    default: return malformed();
  }
}

}  // namespace cdc
