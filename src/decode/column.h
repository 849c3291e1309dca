#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "base/status.h"
#include "model/message.h"

namespace cdc {

// Reads one schema.FieldData of an insert with `rows` rows. The column's views point into `bytes`,
// a part of the record that starts at `origin`; data that is not contiguous there is put together
// in a string appended to `rebuilt`.
//
// kDataLoss: malformed, not `rows` rows, data in an unknown form or in one that does not fit the
// column's type. A column of an unknown type may have any form.
Result<Column> DecodeColumn(std::string_view bytes,
                            uint32_t rows,
                            const char* origin,
                            std::deque<std::string>* rebuilt);

// Adds the column to `status`: its name (possibly shortened), its id and its offset.
Status AtColumn(const Status& status, const Column& column, size_t offset);

// Counts the keys in the bytes of a schema.LongArray or schema.StringArray.
Result<uint64_t> CountKeys(const KeyColumn& keys, const char* origin);

}  // namespace cdc
