#pragma once

#include <span>
#include <vector>

#include "model/ids.h"
#include "model/message.h"
#include "model/rows.h"

namespace cdc {

// Turns the inserts and deletes of one vchannel, sorted by ts as in a TickGroup, into row events.
//
// The log holds an upsert as inserts and deletes of the same ts. These are paired as follows:
// - An insert becomes kUpsert if each of its keys is deleted at the same ts.
// - A delete needs no call of its own if all its keys are in such inserts. It goes into `also` of
//   the last of them.
// - Any other delete goes before the inserts of its ts, because a delete removes only rows older
//   than itself. So an upsert with new keys becomes a delete and an insert.
// Everything else keeps its order.
//
// All messages of one ts must be passed together, even if some of them are applied already:
// without them, the rest could not be recognized as an upsert.
//
// `primary_key` is the field of the collection's key. Keys are compared by value. Rows with
// unreadable keys are not paired, which is correct, too.
std::vector<RowEvent> PairUpserts(std::span<const MessagePtr> rows, FieldId primary_key);

}  // namespace cdc
