#pragma once

#include <string>

#include "events/event_options.h"
#include "model/ddl.h"
#include "model/ids.h"
#include "model/target_collection.h"

namespace cdc {

// The collection that a change concerns, by the name it has afterwards; a database alone if it
// concerns one. Its state key is the key of the event.
CollectionName SubjectOf(const Ddl& ddl);

// A change of metadata as an event, in JSON: what has been done, to what, and the whole collection
// as it is afterwards. README.md says how it looks.
//
// `after`: nullptr if there is no collection afterwards. `time`: the source's, at which the change
// has its place among the rows. `now`: when the event is made.
std::string EncodeSchemaEvent(const Ddl& ddl,
                              const TargetCollection* after,
                              Timestamp time,
                              EventTime now,
                              const EventOptions& options);

}  // namespace cdc
