#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <unordered_set>
#include <vector>

#include "decode/wal.h"
#include "model/ids.h"
#include "model/message.h"

namespace cdc {

// What one tick releases: every message with ts <= `resolved` that was not released before, sorted
// by ts, and messages of one ts in log order. Often empty.
struct TickGroup {
  Timestamp resolved;
  // The first message still held, or else the tick itself. A reader that begins here (inclusive)
  // and skips messages with ts <= `resolved` gets everything that is not released yet.
  MsgId restart;
  std::vector<MessagePtr> messages;
  // How many of them broke the promise of an earlier tick: they came after it, with a ts at or
  // below it.
  size_t late = 0;
};

// Puts the messages of one pchannel in order. A tick T in its log is the source's promise that
// every message with ts <= T is before it. Messages between two ticks are in no order, and some of
// them have a ts beyond the next tick. A message that breaks the promise is released with the next
// group.
//
// Messages at or below `skip` were applied before the last restart: they are dropped, and ticks at
// or below it release nothing. A row message with the message_id of one that is still held is a
// producer's retry and is dropped, too, as in Milvus itself.
//
// Messages of a transaction of the write-ahead log wait for its commit and have the commit's time
// from then on. They go if it is rolled back or if nothing of it comes for its time. Until then a
// restart begins where the transaction does. One whose begin was not pushed is left out as a whole:
// parts of it may be missing.
//
// Not thread-safe.
class TickOrder {
 public:
  explicit TickOrder(Timestamp skip = {}) : skip_(skip), resolved_(skip) {}

  // Takes the next message of the log. Returns a group if it is a tick above resolved().
  std::optional<TickGroup> Push(MessagePtr message);
  std::optional<TickGroup> Push(WalMessage message);

  // The size of the payloads that wait for a tick.
  size_t held_bytes() const { return held_bytes_; }
  size_t held_messages() const { return held_.size(); }
  // How many transactions were left out because they had begun before the first message pushed.
  size_t cut_off() const { return cut_off_; }

 private:
  struct Held {
    MessagePtr message;
    std::shared_ptr<Message> uncommitted{};  // the same message, while its transaction is open
    int64_t transaction = 0;
  };
  struct OpenTransaction {
    Timestamp last;  // of its messages
    std::chrono::milliseconds keepalive{};
  };

  void Hold(MessagePtr message);
  void Commit(int64_t transaction, Timestamp ts);
  void Discard(int64_t transaction);
  void DiscardExpired(Timestamp now);
  std::optional<TickGroup> Tick(const Message& tick);

  const Timestamp skip_;
  Timestamp resolved_;                       // the highest tick so far; never moves back
  std::vector<Held> held_;                   // in log order
  std::map<int64_t, OpenTransaction> open_;  // by the transaction's id
  size_t cut_off_ = 0;
  std::unordered_set<int64_t> message_ids_;  // of the rows in held_
  size_t held_bytes_ = 0;
};

}  // namespace cdc
