#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "model/ids.h"
#include "model/takeover.h"
#include "model/task_progress.h"

namespace cdc {

// Turns acknowledgements, which arrive in any order, into the checkpoint of one channel.
//
// The reader adds a group of records for every tick; each record is acknowledged once. The
// checkpoint is the newest tick for which all records at or below it are acknowledged.
// Thread-safe.
class AckTracker {
 public:
  // Identifies one record of a group.
  struct Ticket {
    uint64_t group = 0;
    uint32_t index = 0;
  };

  struct TrackedRecord {
    MsgId id;
    size_t bytes = 0;
    uint64_t rows = 0;
    CollectionId collection;
  };

  // `start`: the position where reading began.
  AckTracker(std::string channel, MsgId start, Timestamp checkpoint);

  const std::string& channel() const { return channel_; }

  // Adds the records that one tick released. Returns the number of the group: its i-th record has
  // the ticket {number, i}. A reader must begin at `restart` to see everything above `resolved`.
  uint64_t AddGroup(Timestamp resolved, MsgId restart, std::vector<TrackedRecord> records);

  void Ack(Ticket ticket);

  // The checkpoint and the acknowledged records above it.
  ChannelCheckpoint Snapshot() const;

  // For each collection with records up to the checkpoint, where the last of them ended. Only those
  // added since this was made.
  std::map<CollectionId, Takeover> last_records() const;

  Timestamp checkpoint() const;
  Timestamp resolved() const;
  // The size of the records that are not acknowledged.
  size_t pending_bytes() const;
  uint64_t pending_rows() const;
  // The number of records acknowledged so far.
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
  std::map<CollectionId, Takeover> last_records_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
