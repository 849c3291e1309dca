#include "model/column_layout.h"

namespace cdc {
namespace {

using Element = ColumnLayout::Element;

// Members of VectorField's oneof.
constexpr int kFloatVector = 2;
constexpr int kBinaryVector = 3;
constexpr int kInt8Vector = 7;

ColumnLayout LayoutOfScalar(int oneof_field) {
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

}  // namespace

ColumnLayout LayoutOf(const Column& column) {
  const auto dim = static_cast<size_t>(column.dim);
  switch (column.kind) {
    case ColumnKind::kScalarArray: return LayoutOfScalar(column.oneof_field);
    case ColumnKind::kVectorArray:
      return column.oneof_field == kFloatVector ? ColumnLayout{Element::kFixed, 4 * dim}
                                                : ColumnLayout{Element::kBytes, 0};
    case ColumnKind::kVectorBytes:
      if (column.oneof_field == kBinaryVector) {
        return {Element::kFixed, dim / 8};
      }
      return {Element::kFixed, column.oneof_field == kInt8Vector ? dim : 2 * dim};
    case ColumnKind::kNone: break;
  }
  return {};
}

}  // namespace cdc
