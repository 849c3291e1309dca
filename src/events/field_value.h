#pragma once

#include "base/status.h"
#include "events/column_cursor.h"
#include "events/event_options.h"
#include "events/json_buffer.h"
#include "model/schema.h"

namespace cdc {

// Whether `type` has vectors as values.
bool IsVector(DataType type);

// Why the values of `column` are not of `type`; empty if they are.
std::string WhyNotOfType(const Column& column, DataType type);

// Appends the cursor's value, which is not null, as the field's type is written: see README.md.
// `scratch` is for texts within texts. WhyNotOfType must have no objection.
//
// kDataLoss: an array or a sparse vector is malformed; the caller takes back what was appended.
Status AppendFieldValue(const Field& field,
                        VectorFormat vectors,
                        const ColumnCursor& cursor,
                        JsonBuffer* scratch,
                        JsonBuffer* out);

// Appends the default value of the field, or null if it has none. kDataLoss: it is malformed.
Status AppendDefault(const Field& field, JsonBuffer* scratch, JsonBuffer* out);

}  // namespace cdc
