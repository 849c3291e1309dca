#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/schema.h"

namespace cdc {

// One column of a query's answer (schema.FieldData) as slices of its bytes, one for each row:
// values are moved without being decoded. All views point into the bytes it was read from.
struct AnswerColumn {
  std::string_view name;
  int64_t field = 0;  // 0: the answer does not have it
  bool is_vector = false;
  int variant = 0;   // field number inside ScalarField or VectorField
  uint64_t dim = 0;  // of a vector; of sparse ones the largest
  // Packed numbers, the bytes of dense vectors, or whole entries of a repeated field.
  std::vector<std::string_view> values;
  std::string_view valid;  // one byte for each row; empty: no nulls
};

// kDataLoss: malformed, or in a form that servers do not use.
Result<AnswerColumn> ReadAnswerColumn(std::string_view bytes);

// Appends the values of these rows as schema.FieldData in field 13 of an insert. `field`: whose
// column it is, with its id. `rows`: rising.
void AppendColumn(const Field& field,
                  const AnswerColumn& column,
                  const std::vector<uint32_t>& rows,
                  std::string* out);

// The keys of a column of integers or texts. kDataLoss: it is neither, or malformed.
Result<std::vector<int64_t>> IntegersOf(const AnswerColumn& column);
Result<std::vector<std::string_view>> TextsOf(const AnswerColumn& column);

}  // namespace cdc
