#pragma once

#include <span>
#include <vector>

#include "model/ids.h"
#include "model/message.h"
#include "model/rows.h"

namespace cdc {

// Makes row events of the inserts and deletes of one vchannel, sorted by ts, as a TickGroup has
// them.
//
// An upsert stands in the log as inserts and deletes of one ts. Among those: an insert all of whose
// keys are deleted becomes kUpsert; a delete all of whose keys stand in such inserts needs no call
// and goes into `also` of the last of them; other deletes stay, before the inserts of their ts,
// since a delete removes only what is older than itself (so an upsert with new keys becomes a
// delete and an insert). Everything else keeps its order.
//
// The events of one ts belong together: whoever remembers some of them as applied must pair them
// with all of their messages again.
//
// `primary_key` is the field of the collection's key. Keys are compared by value. Rows whose keys
// cannot be read are never paired, which is correct too.
std::vector<RowEvent> PairUpserts(std::span<const MessagePtr> rows, FieldId primary_key);

}  // namespace cdc
