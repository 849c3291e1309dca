#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "model/message.h"
#include "model/rows.h"
#include "progress/ack_tracker.h"
#include "sink/row_sink.h"

namespace cdc {

// One row message on its way to the target, and the tickets to acknowledge once it is there.
struct PendingRows {
  RowOp op = RowOp::kInsert;
  MessagePtr message;
  FieldId key_field;
  KeyColumn key_column;                     // the primary keys, as views of `message`
  std::vector<uint64_t> keys;               // their hashes
  std::vector<AckTracker::Ticket> tickets;  // the message's, and the delete half of an upsert
  std::vector<MessagePtr> also;             // the delete half, until it is pushed
  size_t bytes = 0;
  bool copied = false;                  // a stored row; the send horizon does not matter for it
  std::shared_ptr<AckTracker> tracker;  // of the tickets, once it is pushed

  // Turns an insert at or below `until` into an upsert, because the target may hold its rows.
  void UpsertUntil(Timestamp until);
};

struct LaneLimits {
  size_t batch_bytes = 4U << 20;
  size_t batch_rows = 50'000;
  size_t delete_rows = kMaxDeleteKeys;
  size_t delete_bytes = kMaxDeleteBytes;
  size_t scan_rows = 100'000;  // keys examined for one batch
};

// The rows of one shard of one collection that wait for the target, in source order: those of its
// log and, before or among them, copied ones.
//
// A batch may overtake rows that wait before it if it shares no key with them: changes of one key
// are applied in source order, changes of different keys in any order. While a batch is in flight,
// its keys hold back every later change of the same keys.
//
// Not thread-safe: belongs to the RowWriter.
class Lane {
 public:
  struct Batch {
    std::vector<PendingRows> rows;  // of one operation and partition, with the same columns
    size_t bytes = 0;
    size_t keys = 0;
  };

  // Decides by partition whether rows may go now.
  using MayGo = std::function<bool(const Message&)>;

  void Push(PendingRows rows);

  // Removes the next batch from the queue, of copied rows and of rows at or below `reach`. Its keys
  // are in flight until Finish. Returns an empty batch if no row can go now.
  Batch Take(const LaneLimits& limits, Timestamp reach, const MayGo& may_go);

  // Calls PendingRows::UpsertUntil for all waiting rows.
  void UpsertUntil(Timestamp until);

  // Releases the keys of a batch whose call has ended.
  void Finish(const Batch& batch);

  // Removes the waiting rows that satisfy `predicate`; the caller acknowledges them.
  std::vector<PendingRows> Remove(const std::function<bool(const Message&)>& predicate);

  bool empty() const { return queue_.empty(); }
  size_t calls() const { return calls_; }
  size_t queued_bytes() const { return queued_bytes_; }
  // The channel of the log's rows; empty: none has been pushed.
  const std::string& channel() const { return channel_; }
  // The latest time of all rows of the log ever pushed.
  Timestamp newest() const { return newest_; }
  // The number of waiting messages by partition.
  const std::map<PartitionId, size_t>& waiting() const { return waiting_; }

 private:
  using KeySet = std::unordered_set<uint64_t>;

  void Uncount(const PendingRows& rows);

  std::deque<PendingRows> queue_;
  std::string channel_;
  size_t copied_ = 0;  // waiting messages
  KeySet in_flight_;
  size_t calls_ = 0;
  size_t queued_bytes_ = 0;
  std::map<PartitionId, size_t> waiting_;
  Timestamp newest_;
};

}  // namespace cdc
