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
// which is a part of the record that begins at `origin`; what does not lie there in one piece is
// put together in a string appended to `rebuilt`.
//
// kDataLoss: malformed, not `rows` rows, data of a form that is not known or not of the column's
// type. A type that is not known may have any form.
Result<Column> DecodeColumn(std::string_view bytes,
                            uint32_t rows,
                            const char* origin,
                            std::deque<std::string>* rebuilt);

// `status` with the column it is about: its name, which may be cut, its id and where it begins.
Status AtColumn(const Status& status, const Column& column, size_t offset);

// The number of keys of schema.LongArray or schema.StringArray bytes.
Result<uint64_t> CountKeys(const KeyColumn& keys, const char* origin);

}  // namespace cdc
