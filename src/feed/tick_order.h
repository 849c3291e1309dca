#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_set>
#include <vector>

#include "model/ids.h"
#include "model/message.h"

namespace cdc {

// What one tick releases: every message with ts <= `resolved` that was not released before, sorted
// by ts, messages of one ts in the order of the log. Often empty.
struct TickGroup {
  Timestamp resolved;
  // A reader that begins here (inclusive) and skips what has ts <= `resolved` gets everything that
  // is still to come: the first message held back, else the tick itself.
  MsgId restart;
  std::vector<MessagePtr> messages;
  // How many of them broke the promise of an earlier tick: they came after it, with a ts at or
  // below it.
  size_t late = 0;
};

// The order of one pchannel. A tick T in its log is the source's promise that every message with
// ts <= T stands before it; messages between two ticks are in no order, and some of them have a ts
// beyond the next tick. A message that breaks the promise is released with the next group.
//
// Messages at or below `skip` were applied before the last restart: they are dropped, and ticks at
// or below it release nothing. A row message whose message_id is equal to one that is still held is
// a producer's retry and is dropped too, as Milvus itself does it.
//
// Not thread-safe.
class TickOrder {
 public:
  explicit TickOrder(Timestamp skip = {}) : skip_(skip), resolved_(skip) {}

  // Takes the next message of the log. Returns a group if it is a tick that advances.
  std::optional<TickGroup> Push(MessagePtr message);

  // Bytes of the payloads that wait for a tick.
  size_t held_bytes() const { return held_bytes_; }
  size_t held_messages() const { return held_.size(); }

 private:
  void Hold(MessagePtr message);
  std::optional<TickGroup> Tick(const Message& tick);

  const Timestamp skip_;
  Timestamp resolved_;                       // the last tick that advanced; never moves back
  std::vector<MessagePtr> held_;             // in the order of the log
  std::unordered_set<int64_t> message_ids_;  // of the rows in held_
  size_t held_bytes_ = 0;
};

}  // namespace cdc
