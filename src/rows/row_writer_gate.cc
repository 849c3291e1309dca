#include <algorithm>
#include <utility>

#include "rows/row_writer.h"

// How the RowWriter lets collections and partitions through, holds them back or discards them.
namespace cdc {

void RowWriter::Open(CollectionId collection, RowGate gate) {
  MutexLock lock(mutex_);
  discarded_.erase(collection);  // the reconciler follows it again
  CollectionLanes& lanes = collections_[collection];
  RenameGateLocked(lanes, gate.target);
  counts_.collections[collection].name = gate.target.collection;
  // A collection that was closed because another task wrote it comes back with a later time.
  if (lanes.gate == nullptr || lanes.gate->may_hold_until < gate.may_hold_until) {
    for (auto& [name, lane] : lanes.lanes) {
      lane->UpsertUntil(gate.may_hold_until);
    }
  }
  lanes.gate = std::make_unique<RowGate>(std::move(gate));
  lanes.closed = false;
  dirty_ = true;
  changed_.NotifyAll();
}

void RowWriter::Close(CollectionId collection) {
  MutexLock lock(mutex_);
  collections_[collection].closed = true;
}

void RowWriter::Reopen(CollectionId collection, const CollectionName& target) {
  MutexLock lock(mutex_);
  CollectionLanes& lanes = collections_[collection];
  RenameGateLocked(lanes, target);
  counts_.collections[collection].name = target.collection;
  if (std::exchange(lanes.closed, false)) {
    dirty_ = true;
    changed_.NotifyAll();
  }
}

bool RowWriter::HasCalls(CollectionId collection) const {
  MutexLock lock(mutex_);
  const auto found = collections_.find(collection);
  return found != collections_.end() && found->second.calls_in_flight > 0;
}

std::optional<RowGate> RowWriter::GateOf(CollectionId collection) const {
  MutexLock lock(mutex_);
  const auto found = collections_.find(collection);
  return found == collections_.end() || found->second.gate == nullptr || found->second.closed
             ? std::nullopt
             : std::optional(*found->second.gate);
}

bool RowWriter::IsClosedLocked(CollectionId collection) const {
  const auto found = collections_.find(collection);
  return found != collections_.end() && found->second.closed;
}

// Clears the condition of the old name: no call will use that name again, so it would stay forever.
void RowWriter::RenameGateLocked(CollectionLanes& lanes, const CollectionName& target) {
  if (lanes.gate != nullptr && lanes.gate->target != target) {
    conditions_->Set("write " + lanes.gate->target.ToString(), OkStatus());
    lanes.gate->target = target;
  }
}

// Acknowledges what it removes: the checkpoint passes a row only once the row is acknowledged.
void RowWriter::DropLocked(CollectionLanes& lanes,
                           const std::function<bool(const Message&)>& predicate) {
  for (auto& [name, lane] : lanes.lanes) {
    const auto removed = lane->Remove(predicate);
    for (const PendingRows& rows : removed) {
      bytes_waiting_ -= rows.bytes;
    }
    Acknowledge(removed);
  }
}

void RowWriter::Discard(CollectionId collection) {
  MutexLock lock(mutex_);
  discarded_.insert(collection);
  dirty_ = true;  // the next Turn ends the calls that wait to be repeated
  const auto found = collections_.find(collection);
  if (found == collections_.end()) {
    return;
  }
  DropLocked(found->second, [](const Message&) { return true; });
  changed_.NotifyAll();
}

void RowWriter::DiscardPartition(CollectionId collection, PartitionId partition) {
  MutexLock lock(mutex_);
  // Recorded even if no row of the collection has arrived yet: rows that do must be discarded, too.
  CollectionLanes& lanes = collections_[collection];
  lanes.discarded.insert(partition);
  DropLocked(lanes, [partition](const Message& message) { return message.partition == partition; });
  changed_.NotifyAll();
}

void RowWriter::Forget(CollectionId collection) {
  MutexLock lock(mutex_);
  const auto found = collections_.find(collection);
  if (found == collections_.end()) {
    return;
  }
  // No call will clear the condition any more.
  if (found->second.gate != nullptr) {
    conditions_->Set("write " + found->second.gate->target.ToString(), OkStatus());
  }
  collections_.erase(found);
  counts_.Drop(collection);
}

std::map<CollectionId, std::set<PartitionId>> RowWriter::WaitingPartitions() const {
  std::map<CollectionId, std::set<PartitionId>> waiting;
  MutexLock lock(mutex_);
  for (const auto& [id, lanes] : collections_) {
    for (const auto& [name, lane] : lanes.lanes) {
      for (const auto& [partition, messages] : lane->waiting()) {
        waiting[id].insert(partition);
      }
    }
  }
  return waiting;
}

bool RowWriter::doubt_left() const {
  MutexLock lock(mutex_);
  return doubt_left_;
}

bool RowWriter::Idle(CollectionId collection) const {
  MutexLock lock(mutex_);
  const auto found = collections_.find(collection);
  return found == collections_.end() ||
         std::all_of(found->second.lanes.begin(), found->second.lanes.end(), [](const auto& each) {
           return each.second->empty() && each.second->calls() == 0;
         });
}

bool RowWriter::PartitionIdle(CollectionId collection, PartitionId partition) const {
  MutexLock lock(mutex_);
  const auto found = collections_.find(collection);
  if (found == collections_.end()) {
    return true;
  }
  // A call that waits to be repeated counts, too: without the partition it would fail for good.
  const auto calls = found->second.unfinished_calls.find(partition);
  if (calls != found->second.unfinished_calls.end() && calls->second > 0) {
    return false;
  }
  return std::none_of(
      found->second.lanes.begin(), found->second.lanes.end(),
      [partition](const auto& each) { return each.second->waiting().contains(partition); });
}

}  // namespace cdc
