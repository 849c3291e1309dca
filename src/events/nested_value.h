#pragma once

#include <string_view>

#include "base/status.h"
#include "events/json_buffer.h"
#include "model/schema.h"

// Values that events have as JSON texts, in a string.
namespace cdc {

// Append the JSON. kDataLoss: the value is malformed.
//
// An array: [1,2]. `scalars`: a schema.ScalarField, whose oneof says of which form the elements
// are.
Status AppendArray(DataType element_type, std::string_view scalars, JsonBuffer* out);
// A sparse vector: {"index":value,…}. `pairs`: of an index and a float, of four bytes each.
Status AppendSparse(std::string_view pairs, JsonBuffer* out);

// Appends {"wkt":"POINT (1 2)"}, or {"wkb":"<base64>"}: `form` says which of the two `value` is.
void AppendGeometry(int form, std::string_view value, JsonBuffer* out);

}  // namespace cdc
