#include "source/snapshot/field_layout.h"

#include <charconv>
#include <string>

namespace cdc {
namespace {

constexpr int kMaxDim = 1 << 20;  // no server allows more than 32 768, or eight times that in bits
constexpr int kBitsPerByte = 8;

Status Unsupported(const Field& field, const std::string& why) {
  return FailedPreconditionError("field " + field.name + ": " + why);
}

Result<int> Dimension(const Field& field) {
  for (const KeyValue& param : field.type_params) {
    if (param.key == "dim") {
      int dim = 0;
      const char* end = param.value.data() + param.value.size();
      const auto [rest, error] = std::from_chars(param.value.data(), end, dim);
      if (error == std::errc() && rest == end && dim > 0 && dim <= kMaxDim) {
        return dim;
      }
    }
  }
  return Unsupported(field, "it has no possible dimension");
}

Result<FieldLayout> Vector(const Field& field, int variant, int bits) {
  CDC_ASSIGN_OR_RETURN(const int dim, Dimension(field));
  return FieldLayout{.stored = StoredAs::kFixedBytes,
                     .width = dim * bits / kBitsPerByte,
                     .dim = dim,
                     .variant = variant,
                     .is_vector = true};
}

bool IsVector(DataType type) { return type >= DataType::kBinaryVector; }

}  // namespace

Result<FieldLayout> LayoutOf(const Field& field) {
  if (field.nullable && IsVector(field.type)) {
    return Unsupported(field, "vectors that may be null cannot be read from files");
  }
  switch (field.type) {
    case DataType::kBool: return FieldLayout{.stored = StoredAs::kBool, .variant = 1};
    case DataType::kInt8:
    case DataType::kInt16:
    case DataType::kInt32: return FieldLayout{.stored = StoredAs::kInt32, .variant = 2};
    case DataType::kInt64: return FieldLayout{.stored = StoredAs::kInt64, .variant = 3};
    case DataType::kFloat: return FieldLayout{.stored = StoredAs::kFloat, .variant = 4};
    case DataType::kDouble: return FieldLayout{.stored = StoredAs::kDouble, .variant = 5};
    case DataType::kString:
    case DataType::kVarChar: return FieldLayout{.stored = StoredAs::kBytes, .variant = 6};
    case DataType::kArray: return FieldLayout{.stored = StoredAs::kBytes, .variant = 8};
    case DataType::kJson: return FieldLayout{.stored = StoredAs::kBytes, .variant = 9};
    case DataType::kFloatVector: return Vector(field, 2, 32);
    case DataType::kBinaryVector: return Vector(field, 3, 1);
    case DataType::kFloat16Vector: return Vector(field, 4, 16);
    case DataType::kBFloat16Vector: return Vector(field, 5, 16);
    // Pairs of an index and a number, as many as the vector has.
    case DataType::kSparseFloatVector:
      return FieldLayout{.stored = StoredAs::kBytes, .variant = 6, .is_vector = true};
    case DataType::kInt8Vector: return Vector(field, 7, 8);
    default: return Unsupported(field, "unsupported type " + DataTypeName(field.type));
  }
}

}  // namespace cdc
