#pragma once

#include <cstddef>

#include "model/message.h"

namespace cdc {

// How the values of a column follow each other in its body.
struct ColumnLayout {
  enum class Element { kVarint, kFixed, kBytes };
  Element element = Element::kBytes;
  size_t width = 0;  // kFixed: bytes per row
};

// By the form of the data and not by its type, because that may be unknown.
ColumnLayout LayoutOf(const Column& column);

// The repeated field of every array message (schema.IntArray, FloatArray, …) that holds the values.
inline constexpr int kArrayData = 1;

}  // namespace cdc
