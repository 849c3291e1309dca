#pragma once

#include "feed/feed_subscriber.h"
#include "order/tick_order.h"

namespace cdc {

// The rows of `group` with a time above `after`, by collection.
FeedGroup ArrangeGroup(const TickGroup& group, Timestamp after);

}  // namespace cdc
