#include "feed/tick_order.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <utility>

namespace cdc {
namespace {

bool IsRow(const Message& message) {
  return message.type == MessageType::kInsert || message.type == MessageType::kDelete;
}

}  // namespace

std::optional<TickGroup> TickOrder::Push(MessagePtr message) {
  if (message->type == MessageType::kTick) {
    return Tick(*message);
  }
  Hold(std::move(message));
  return std::nullopt;
}

void TickOrder::Hold(MessagePtr message) {
  if (message->ts <= skip_) {
    return;
  }
  // Milvus gives rows an id of their own and leaves it 0 in ticks and broadcasts.
  if (IsRow(*message) && message->message_id != 0 &&
      !message_ids_.insert(message->message_id).second) {
    return;
  }
  held_bytes_ += message->payload.bytes.size();
  held_.push_back(std::move(message));
}

std::optional<TickGroup> TickOrder::Tick(const Message& tick) {
  // Milvus repeats ticks, and the first ones after the creation of a collection may be below its
  // creation time.
  if (tick.ts <= resolved_) {
    return std::nullopt;
  }
  const Timestamp before = std::exchange(resolved_, tick.ts);
  // Stable in both steps: messages of one ts must stay in log order, and held_ must too, because
  // its first message is where a restart begins.
  TickGroup group{.resolved = tick.ts, .restart = tick.id, .messages = {}};
  const auto ready = [&tick](const MessagePtr& message) { return message->ts <= tick.ts; };
  const auto kept = std::stable_partition(held_.begin(), held_.end(), std::not_fn(ready));
  group.messages.assign(std::make_move_iterator(kept), std::make_move_iterator(held_.end()));
  held_.erase(kept, held_.end());
  if (!held_.empty()) {
    group.restart = held_.front()->id;
  }
  for (const MessagePtr& message : group.messages) {
    group.late += message->ts <= before ? 1U : 0U;
    held_bytes_ -= message->payload.bytes.size();
    if (IsRow(*message)) {
      message_ids_.erase(message->message_id);
    }
  }
  std::stable_sort(group.messages.begin(), group.messages.end(),
                   [](const MessagePtr& a, const MessagePtr& b) { return a->ts < b->ts; });
  return group;
}

}  // namespace cdc
