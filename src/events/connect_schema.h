#pragma once

#include <string>
#include <vector>

#include "events/event_options.h"
#include "model/rows.h"
#include "model/schema.h"

namespace cdc {

// The field of a row event that holds the dynamic fields, as one JSON object.
inline constexpr const char* kDynamicField = "$meta";

// Schemas of Kafka Connect, as JSON: {"type":"struct",…}. `fields` are those of a row event, in its
// order, the dynamic one included.
std::string KeySchema(const CollectionName& collection,
                      const Field& key,
                      const EventOptions& options);
std::string EnvelopeSchema(const CollectionName& collection,
                           const std::vector<Field>& fields,
                           const EventOptions& options);

}  // namespace cdc
