#pragma once

#include <cstddef>
#include <vector>

#include "events/event_options.h"
#include "model/message.h"
#include "model/schema.h"

namespace cdc {

// The fields of a collection, the dynamic one among them.
struct EventFields {
  std::vector<Field> shown;     // in row events, in their order
  std::vector<Field> left_out;  // vectors that nobody wants, outputs of functions
};
EventFields FieldsOf(const Schema& schema, VectorFormat vectors);

// The column of the field: by id, or by name if one of them has no id; the dynamic one by its flag.
// Tries `likely_index` first. nullptr: there is none.
const Column* FindColumnOf(const Field& field, const Message& message, size_t likely_index);

// A column that is of none of these fields. nullptr: there is none.
const Column* FindUnknownColumn(const EventFields& fields, const Message& message);

}  // namespace cdc
