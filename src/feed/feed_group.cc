#include "feed/feed_group.h"

#include <algorithm>

#include "decode/decode.h"

namespace cdc {
namespace {

bool IsBreak(const Message& message) {
  return IsImport(message) || message.type == MessageType::kTruncateCollection;
}

}  // namespace

bool HasRows(const Message& message) {
  return IsBreak(message) ||
         ((message.type == MessageType::kInsert || message.type == MessageType::kDelete) &&
          message.rows > 0);
}

FeedGroup ArrangeGroup(const TickGroup& group, Timestamp after, size_t unknown) {
  FeedGroup arranged{.resolved = group.resolved,
                     .restart = group.restart,
                     .late = group.late,
                     .unknown = unknown,
                     .rows = {},
                     .breaks = {}};
  for (const MessagePtr& message : group.messages) {
    if (!HasRows(*message) || message->ts <= after) {
      continue;
    }
    if (IsBreak(*message)) {
      arranged.breaks.push_back(message);
      continue;
    }
    // A linear search from the back: a tick holds few collections, and neighbours are mostly of the
    // same one.
    auto rows = std::find_if(
        arranged.rows.rbegin(), arranged.rows.rend(),
        [&](const FeedGroup::Rows& each) { return each.collection == message->collection; });
    if (rows == arranged.rows.rend()) {
      arranged.rows.push_back({.collection = message->collection, .messages = {}});
      rows = arranged.rows.rbegin();
    }
    rows->messages.push_back(message);
  }
  return arranged;
}

}  // namespace cdc
