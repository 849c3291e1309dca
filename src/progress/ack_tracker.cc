#include "progress/ack_tracker.h"

#include <optional>
#include <utility>

#include "base/status.h"

namespace cdc {

AckTracker::AckTracker(std::string channel, MsgId start, Timestamp checkpoint)
    : channel_(std::move(channel)),
      position_(std::move(start)),
      checkpoint_(checkpoint),
      resolved_(checkpoint) {}

uint64_t AckTracker::AddGroup(Timestamp resolved,
                              MsgId restart,
                              std::vector<TrackedRecord> records) {
  MutexLock lock(mutex_);
  CDC_CHECK(resolved >= resolved_);
  resolved_ = resolved;
  if (records.empty() && !groups_.empty()) {
    // Extend the previous group instead of adding an empty one. Otherwise a channel that is stuck
    // would collect a group for every tick.
    groups_.back().resolved = resolved;
    groups_.back().restart = std::move(restart);
    return first_group_ + groups_.size() - 1;
  }
  for (const TrackedRecord& record : records) {
    pending_bytes_ += record.bytes;
    pending_rows_ += record.rows;
  }
  const size_t count = records.size();
  groups_.push_back({.resolved = resolved,
                     .restart = std::move(restart),
                     .records = std::move(records),
                     .acked = std::vector<bool>(count, false),
                     .outstanding = count});
  const uint64_t number = first_group_ + groups_.size() - 1;
  AdvanceLocked();
  return number;
}

void AckTracker::Ack(Ticket ticket) {
  MutexLock lock(mutex_);
  CDC_CHECK(ticket.group >= first_group_ && ticket.group - first_group_ < groups_.size());
  Group& group = groups_[ticket.group - first_group_];
  CDC_CHECK(ticket.index < group.acked.size() && !group.acked[ticket.index]);
  group.acked[ticket.index] = true;
  pending_bytes_ -= group.records[ticket.index].bytes;
  pending_rows_ -= group.records[ticket.index].rows;
  ++acknowledged_;
  if (--group.outstanding == 0) {
    AdvanceLocked();
  }
}

void AckTracker::AdvanceLocked() {
  // Stop at the first group with an outstanding record: a checkpoint beyond it would lose it.
  while (!groups_.empty() && groups_.front().outstanding == 0) {
    const Group& done = groups_.front();
    checkpoint_ = done.resolved;
    position_ = done.restart;
    std::optional<CollectionId> noted;  // neighbours are mostly of one collection
    for (const TrackedRecord& record : done.records) {
      if (record.collection != noted) {
        noted = record.collection;
        last_records_[record.collection] = {.position = position_, .ts = checkpoint_};
      }
    }
    groups_.pop_front();
    ++first_group_;
  }
}

ChannelCheckpoint AckTracker::Snapshot() const {
  MutexLock lock(mutex_);
  ChannelCheckpoint snapshot{
      .channel = channel_, .position = position_, .ts = checkpoint_, .applied = {}};
  // Rows are written in any order, so records may be acknowledged beyond the first one that is not.
  // A restart reads them again, and must not write them twice.
  for (const Group& group : groups_) {
    for (size_t i = 0; i < group.acked.size(); ++i) {
      if (group.acked[i]) {
        snapshot.applied.push_back(group.records[i].id);
      }
    }
  }
  return snapshot;
}

std::map<CollectionId, Takeover> AckTracker::last_records() const {
  MutexLock lock(mutex_);
  return last_records_;
}

Timestamp AckTracker::checkpoint() const {
  MutexLock lock(mutex_);
  return checkpoint_;
}

Timestamp AckTracker::resolved() const {
  MutexLock lock(mutex_);
  return resolved_;
}

uint64_t AckTracker::pending_rows() const {
  MutexLock lock(mutex_);
  return pending_rows_;
}

uint64_t AckTracker::acknowledged() const {
  MutexLock lock(mutex_);
  return acknowledged_;
}

size_t AckTracker::pending_bytes() const {
  MutexLock lock(mutex_);
  return pending_bytes_;
}

}  // namespace cdc
