#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "model/ids.h"
#include "model/task.h"

namespace cdc {

// Turns acknowledgements, which come in any order, into the checkpoint of one channel.
//
// The reader opens a group for every tick and adds its records; a record is acknowledged once. The
// checkpoint is the newest tick such that every record at or below it is acknowledged.
// Thread-safe.
class AckTracker {
 public:
  // Names one record of an open group.
  struct Ticket {
    uint64_t group = 0;
    uint32_t index = 0;
  };

  struct TrackedRecord {
    MsgId id;
    size_t bytes = 0;
    uint64_t rows = 0;
  };

  // `start`: where reading began.
  AckTracker(std::string channel, MsgId start, Timestamp checkpoint);

  const std::string& channel() const { return channel_; }

  // Adds what one tick released. Returns the number of the group: its i-th record has the ticket
  // {number, i}. `restart` is where a reader has to begin to see everything above `resolved`.
  uint64_t AddGroup(Timestamp resolved, MsgId restart, std::vector<TrackedRecord> records);

  void Ack(Ticket ticket);

  // The checkpoint with the records above it that are acknowledged.
  ChannelCheckpoint Snapshot() const;

  Timestamp checkpoint() const;
  Timestamp resolved() const;
  // Of the records that are not acknowledged.
  size_t pending_bytes() const;
  uint64_t pending_rows() const;
  // How many records have been acknowledged so far.
  uint64_t acknowledged() const;

 private:
  struct Group {
    Timestamp resolved;
    MsgId restart;
    std::vector<TrackedRecord> records;
    std::vector<bool> acked;
    size_t outstanding = 0;
  };

  void AdvanceLocked() CDC_REQUIRES(mutex_);

  const std::string channel_;
  mutable Mutex mutex_;
  std::deque<Group> groups_ CDC_GUARDED_BY(mutex_);
  uint64_t first_group_ CDC_GUARDED_BY(mutex_) = 0;
  MsgId position_ CDC_GUARDED_BY(mutex_);
  Timestamp checkpoint_ CDC_GUARDED_BY(mutex_);
  Timestamp resolved_ CDC_GUARDED_BY(mutex_);
  size_t pending_bytes_ CDC_GUARDED_BY(mutex_) = 0;
  uint64_t pending_rows_ CDC_GUARDED_BY(mutex_) = 0;
  uint64_t acknowledged_ CDC_GUARDED_BY(mutex_) = 0;
};

}  // namespace cdc
