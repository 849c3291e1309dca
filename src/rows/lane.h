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

// One row message on its way to the target, with what has to be acknowledged for it.
struct PendingRows {
  RowOp op = RowOp::kInsert;
  MessagePtr message;
  std::vector<uint64_t> keys;               // hashes of the primary keys
  std::vector<AckTracker::Ticket> tickets;  // the message's, and the delete half of an upsert
  std::vector<MessagePtr> also;             // the delete half, until it has its ticket
  size_t bytes = 0;

  // Makes an insert up to the time `until` an upsert: the target may hold its rows.
  void UpsertUntil(Timestamp until);
};

struct LaneLimits {
  size_t batch_bytes = 4U << 20;
  size_t batch_rows = 50'000;
  size_t delete_rows = kMaxDeleteKeys;
  size_t delete_bytes = kMaxDeleteBytes;
  size_t scan_rows = 100'000;  // keys looked at for one batch
};

// The rows of one shard of one collection that wait for the target, in source order.
//
// A batch may overtake what waits before it as long as it touches none of its keys: the changes of
// one key are applied in source order, changes of different keys in any order. A key of a batch in
// flight holds back every later change of that key.
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

  explicit Lane(std::shared_ptr<AckTracker> tracker) : tracker_(std::move(tracker)) {}

  void Push(PendingRows rows);

  // Takes the next batch out of the queue, of rows up to the time `reach`; its keys are in flight
  // until Finish. An empty batch: nothing can go now.
  Batch Take(const LaneLimits& limits, Timestamp reach, const MayGo& may_go);

  // PendingRows::UpsertUntil for all that waits.
  void UpsertUntil(Timestamp until);

  // The batch has ended: its keys are free.
  void Finish(const Batch& batch);

  // Removes what waits and satisfies `predicate`; the caller acknowledges it.
  std::vector<PendingRows> Remove(const std::function<bool(const Message&)>& predicate);

  bool empty() const { return queue_.empty(); }
  size_t calls() const { return calls_; }
  size_t queued_bytes() const { return queued_bytes_; }
  // The latest time of all that was ever pushed.
  Timestamp newest() const { return newest_; }
  // How many messages wait, by partition.
  const std::map<PartitionId, size_t>& waiting() const { return waiting_; }
  AckTracker& tracker() { return *tracker_; }

 private:
  using KeySet = std::unordered_set<uint64_t>;

  void Leaves(const PendingRows& rows);

  std::shared_ptr<AckTracker> tracker_;
  std::deque<PendingRows> queue_;
  KeySet in_flight_;
  size_t calls_ = 0;
  size_t queued_bytes_ = 0;
  std::map<PartitionId, size_t> waiting_;
  Timestamp newest_;
};

}  // namespace cdc
