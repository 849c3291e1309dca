#include "feed/catalog_barrier.h"

#include <algorithm>

#include "base/backoff.h"
#include "base/thread.h"
#include "feed/feed_group.h"

namespace cdc {

void CatalogBarrier::Run(const std::stop_token& stop) {
  Backoff backoff({});
  while (!stop.stop_requested()) {
    uint64_t ticket = 0;
    {
      MutexLock lock(mutex_);
      if (!changed_.Wait(lock, stop, [this] { return asked_ > answered_; })) {
        return;
      }
      // Read before Sync begins: a later request may be about something that this Sync misses.
      ticket = asked_;
    }
    const auto synced = source_->Sync(stop);
    {
      MutexLock lock(mutex_);
      failure_ = synced.status();
      if (synced.ok()) {
        answered_ = ticket;
        backoff.Reset();
        changed_.NotifyAll();
        continue;
      }
    }
    // The request is still open, so the next round repeats it.
    Pause(backoff.Next(), stop);
  }
}

bool CatalogBarrier::Refresh() {
  {
    MutexLock lock(mutex_);
    // Read before Current(), so that the snapshot is at least as new as the answer. In the other
    // order, an old snapshot could pass for the answer, and rows of a new collection for rows of a
    // dropped one.
    refreshed_ = answered_;
  }
  auto current = source_->Current();
  if (current == catalog_) {
    return false;
  }
  catalog_ = std::move(current);
  seen_partitions_.clear();
  return true;
}

bool CatalogBarrier::KnowsCollection(const Message& message) {
  return catalog_->collections.contains(message.collection) || gone_.contains(message.collection);
}

bool CatalogBarrier::KnowsPartition(const Message& message) {
  const PartitionId partition = message.partition;
  if (partition == kAllPartitions || seen_partitions_.contains(partition) ||
      gone_partitions_.contains(partition)) {
    return true;
  }
  const auto found = catalog_->collections.find(message.collection);
  if (found == catalog_->collections.end()) {
    return true;  // gone with its collection
  }
  // With a partition key, the target chooses the partitions itself, so unknown ones do not matter.
  const Collection& collection = *found->second;
  if (!collection.schema.HasPartitionKey() && collection.FindPartition(partition) == nullptr) {
    return false;
  }
  seen_partitions_.insert(partition);
  return true;
}

bool CatalogBarrier::Knows(const TickGroup& group) {
  return std::all_of(group.messages.begin(), group.messages.end(), [this](const MessagePtr& each) {
    return !HasRows(*each) || (KnowsCollection(*each) && KnowsPartition(*each));
  });
}

uint64_t CatalogBarrier::RequestSync() {
  MutexLock lock(mutex_);
  changed_.NotifyAll();
  return ++asked_;
}

Status CatalogBarrier::failure() const {
  MutexLock lock(mutex_);
  return failure_;
}

void CatalogBarrier::WaitForAnswer(std::chrono::milliseconds timeout, const std::stop_token& stop) {
  MutexLock lock(mutex_);
  changed_.WaitFor(lock, stop, timeout, [this] { return answered_ >= asked_; });
}

void CatalogBarrier::MarkUnknownAsGone(const TickGroup& group) {
  for (const MessagePtr& message : group.messages) {
    if (!HasRows(*message)) {
      continue;
    }
    if (!KnowsCollection(*message)) {
      gone_.insert(message->collection);
    } else if (!KnowsPartition(*message)) {
      gone_partitions_.insert(message->partition);
    }
  }
}

}  // namespace cdc
