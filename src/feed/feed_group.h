#pragma once

#include <cstddef>

#include "feed/feed_subscriber.h"
#include "feed/tick_order.h"

namespace cdc {

// Whether the message changes rows: an insert or a delete of at least one, or one of
// FeedGroup::breaks.
bool HasRows(const Message& message);

// Returns the rows of `group` with a time above `after`, by collection, and what breaks it.
// `unknown`: see FeedGroup.
FeedGroup ArrangeGroup(const TickGroup& group, Timestamp after, size_t unknown);

}  // namespace cdc
