#pragma once

#include <cstdint>
#include <string_view>

#include "events/event_options.h"
#include "events/json_buffer.h"
#include "model/ids.h"
#include "model/rows.h"

// The parts of `source`, which says where an event comes from. One after the other, they are the
// object but for its end.
namespace cdc {

// {"version":…,"connector":"milvus","name":…
void AppendSourceStart(const EventOptions& options, JsonBuffer* out);

// The same and ,"db":…,"collection":…
// `collection` may be a database alone, with an empty name of a collection.
void AppendSourceStart(const CollectionName& collection,
                       const EventOptions& options,
                       JsonBuffer* out);

// ,"partition":…,"pchannel":…,"vchannel":…,"snapshot":
// Null for what is empty, or not a vchannel's name.
void AppendPlace(std::string_view partition, std::string_view vchannel, JsonBuffer* out);

// "ts_ms":…,"ts_us":…,"ts_ns":…
void AppendTimes(int64_t unix_ns, JsonBuffer* out);

// AppendTimes of the physical part, and "tso":…,"tso_text":"…"
void AppendStamp(Timestamp time, JsonBuffer* out);

}  // namespace cdc
