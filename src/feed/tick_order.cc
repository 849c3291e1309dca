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

std::optional<TickGroup> TickOrder::Push(WalMessage message) {
  if (!message.transaction.has_value()) {
    return Push(MessagePtr(std::move(message.message)));
  }
  const int64_t id = message.transaction->id;
  const Timestamp ts = message.message->ts;
  if (message.type == WalType::kBeginTransaction) {
    open_[id] = {.last = ts, .keepalive = message.transaction->keepalive};
  }
  const auto open = open_.find(id);
  if (open == open_.end()) {
    cut_off_ += message.type == WalType::kCommitTransaction && ts > skip_ ? 1U : 0U;
    return std::nullopt;
  }
  open->second.last = std::max(open->second.last, ts);
  if (message.type == WalType::kCommitTransaction) {
    Commit(id, ts);
  } else if (message.type == WalType::kRollbackTransaction) {
    Discard(id);
  } else {
    held_bytes_ += message.message->payload.bytes.size();
    held_.push_back({message.message, message.message, id});
  }
  return std::nullopt;
}

void TickOrder::Commit(int64_t transaction, Timestamp ts) {
  if (ts <= skip_) {
    Discard(transaction);
    return;
  }
  for (Held& held : held_) {
    if (held.uncommitted != nullptr && held.transaction == transaction) {
      held.uncommitted->ts = ts;
      held.uncommitted = nullptr;
    }
  }
  open_.erase(transaction);
}

void TickOrder::Discard(int64_t transaction) {
  std::erase_if(held_, [this, transaction](const Held& held) {
    const bool gone = held.uncommitted != nullptr && held.transaction == transaction;
    held_bytes_ -= gone ? held.message->payload.bytes.size() : 0;
    return gone;
  });
  open_.erase(transaction);
}

// As Milvus' own consumers do: from then on its commit would be refused.
void TickOrder::DiscardExpired(Timestamp now) {
  std::vector<int64_t> expired;
  for (const auto& [id, open] : open_) {
    const Timestamp silent{now.value - std::min(now.value, open.last.value)};
    if (open.keepalive.count() >= 0 && silent.UnixMs() >= open.keepalive.count()) {
      expired.push_back(id);
    }
  }
  for (const int64_t id : expired) {
    Discard(id);
  }
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
  held_.push_back({.message = std::move(message)});
}

std::optional<TickGroup> TickOrder::Tick(const Message& tick) {
  // Milvus repeats ticks, and the first ones after the creation of a collection may be below its
  // creation time.
  if (tick.ts <= resolved_) {
    return std::nullopt;
  }
  const Timestamp before = std::exchange(resolved_, tick.ts);
  DiscardExpired(tick.ts);
  // Stable in both steps: messages of one ts must stay in log order, and held_ must too, because
  // its first message is where a restart begins.
  TickGroup group{.resolved = tick.ts, .restart = tick.id, .messages = {}};
  const auto ready = [&tick](const Held& held) {
    return held.uncommitted == nullptr && held.message->ts <= tick.ts;
  };
  const auto kept = std::stable_partition(held_.begin(), held_.end(), std::not_fn(ready));
  std::transform(kept, held_.end(), std::back_inserter(group.messages),
                 [](Held& held) { return std::move(held.message); });
  held_.erase(kept, held_.end());
  if (!held_.empty()) {
    group.restart = held_.front().message->id;
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
