#include "model/rows.h"

#include <algorithm>

namespace cdc {
namespace {

bool SameColumn(const Column& a, const Column& b) {
  const bool by_id = a.field.value > 0 && b.field.value > 0;
  return by_id ? a.field == b.field : a.name == b.name;
}

}  // namespace

const Column* FindColumn(const Message& message, const Column& like, size_t likely_index) {
  if (likely_index < message.columns.size() && SameColumn(message.columns[likely_index], like)) {
    return &message.columns[likely_index];
  }
  const auto found = std::find_if(message.columns.begin(), message.columns.end(),
                                  [&like](const Column& each) { return SameColumn(each, like); });
  return found == message.columns.end() ? nullptr : &*found;
}

bool SameColumns(const Message& a, const Message& b) {
  if (a.columns.size() != b.columns.size()) {
    return false;
  }
  for (size_t i = 0; i < a.columns.size(); ++i) {
    const Column& column = a.columns[i];
    const Column* same = FindColumn(b, column, i);
    const bool dims_fit =
        column.type == DataType::kSparseFloatVector || (same != nullptr && same->dim == column.dim);
    if (same == nullptr || !dims_fit || same->type != column.type || same->kind != column.kind ||
        same->oneof_field != column.oneof_field ||
        same->valid_data.empty() != column.valid_data.empty()) {
      return false;
    }
  }
  return true;
}

}  // namespace cdc
