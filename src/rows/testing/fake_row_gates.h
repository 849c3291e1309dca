#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/mutex.h"
#include "rows/row_gates.h"

namespace cdc {

// Gates without rows: a test sets what waits and what is in flight. Discarded rows stop waiting, as
// in a RowWriter. Counts the calls. Thread-safe.
class FakeRowGates final : public RowGates {
 public:
  // The state of one collection, as a test sees it.
  struct Seen {
    std::optional<RowGate> gate;  // nullopt: not opened yet
    bool closed = false;
    bool discarded = false;
    bool forgotten = false;
    std::set<PartitionId> discarded_partitions;
  };
  Seen seen(CollectionId collection) const {
    MutexLock lock(mutex_);
    const auto found = seen_.find(collection);
    return found == seen_.end() ? Seen{} : found->second;
  }
  bool passes(CollectionId collection) const {
    const Seen now = seen(collection);
    return now.gate.has_value() && !now.closed;
  }

  // Makes rows of these partitions wait; an empty set: no row of the collection waits.
  void SetWaiting(CollectionId collection, std::set<PartitionId> partitions) {
    MutexLock lock(mutex_);
    waiting_[collection] = std::move(partitions);
  }
  void SetCalls(CollectionId collection, bool in_flight) {
    MutexLock lock(mutex_);
    if (in_flight) {
      calls_.insert(collection);
    } else {
      calls_.erase(collection);
    }
  }

  // The number of calls of all methods together.
  size_t calls() const {
    MutexLock lock(mutex_);
    return count_;
  }

  void Open(CollectionId collection, RowGate gate) override {
    MutexLock lock(mutex_);
    ++count_;
    Seen& seen = seen_[collection];
    seen.gate = std::move(gate);
    seen.closed = false;
    seen.discarded = false;
  }
  void Close(CollectionId collection) override {
    MutexLock lock(mutex_);
    ++count_;
    seen_[collection].closed = true;
  }
  void Reopen(CollectionId collection, const CollectionName& target) override {
    MutexLock lock(mutex_);
    ++count_;
    Seen& seen = seen_[collection];
    seen.closed = false;
    if (seen.gate.has_value()) {
      seen.gate->target = target;
    }
  }
  bool HasCalls(CollectionId collection) const override {
    MutexLock lock(mutex_);
    ++count_;
    return calls_.contains(collection);
  }
  void Discard(CollectionId collection) override {
    MutexLock lock(mutex_);
    ++count_;
    seen_[collection].discarded = true;
    waiting_.erase(collection);
  }
  void DiscardPartition(CollectionId collection, PartitionId partition) override {
    MutexLock lock(mutex_);
    ++count_;
    seen_[collection].discarded_partitions.insert(partition);
    waiting_[collection].erase(partition);
  }
  void Forget(CollectionId collection) override {
    MutexLock lock(mutex_);
    ++count_;
    seen_[collection] = Seen{.gate = std::nullopt, .forgotten = true};
  }
  bool Idle(CollectionId collection) const override {
    MutexLock lock(mutex_);
    ++count_;
    const auto found = waiting_.find(collection);
    return !calls_.contains(collection) && (found == waiting_.end() || found->second.empty());
  }
  bool PartitionIdle(CollectionId collection, PartitionId partition) const override {
    MutexLock lock(mutex_);
    ++count_;
    const auto found = waiting_.find(collection);
    return !calls_.contains(collection) &&
           (found == waiting_.end() || !found->second.contains(partition));
  }
  std::map<CollectionId, std::set<PartitionId>> WaitingPartitions() const override {
    MutexLock lock(mutex_);
    ++count_;
    std::map<CollectionId, std::set<PartitionId>> waiting = waiting_;
    std::erase_if(waiting, [](const auto& each) { return each.second.empty(); });
    return waiting;
  }

 private:
  mutable Mutex mutex_;
  std::map<CollectionId, Seen> seen_ CDC_GUARDED_BY(mutex_);
  std::map<CollectionId, std::set<PartitionId>> waiting_ CDC_GUARDED_BY(mutex_);
  std::set<CollectionId> calls_ CDC_GUARDED_BY(mutex_);
  mutable size_t count_ CDC_GUARDED_BY(mutex_) = 0;
};

}  // namespace cdc
