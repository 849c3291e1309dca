#pragma once

#include "feed/feed_subscriber.h"
#include "feed/tick_order.h"

namespace cdc {

// Whether the message is an insert or a delete of at least one row.
bool HasRows(const Message& message);

// Returns the rows of `group` with a time above `after`, by collection.
FeedGroup ArrangeGroup(const TickGroup& group, Timestamp after);

}  // namespace cdc
