#pragma once

#include <cstdint>

#include "base/status.h"
#include "model/schema.h"

namespace cdc {

// How a value is stored in Parquet.
enum class StoredAs { kBool, kInt32, kInt64, kFloat, kDouble, kBytes, kFixedBytes };

// Where the values of a field are, in a file and in an insert.
struct FieldLayout {
  StoredAs stored = StoredAs::kBytes;
  int width = 0;    // of kFixedBytes: bytes per value
  int64_t dim = 0;  // of a vector; 0: sparse
  // In schema.FieldData: which variant of ScalarField, or of VectorField if it is a vector.
  int variant = 0;
  bool is_vector = false;
};

// kFailedPrecondition: a type whose files this program does not read, a vector without a possible
// dimension, or one that may be null. The message names the field.
Result<FieldLayout> LayoutOf(const Field& field);

}  // namespace cdc
