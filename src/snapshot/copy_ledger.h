#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "progress/ack_tracker.h"
#include "snapshot/recent_rate.h"
#include "source/snapshot_source.h"

namespace cdc {

// What of a collection's stored rows has been sent, and what the target has acknowledged.
//
// Each record is a group of one tracker with the next number as its time, whichever part it is of,
// so that the tracker's checkpoint tells up to which record all are acknowledged. A part is copied
// when that is at or above its last record. Thread-safe.
class CopyLedger {
 public:
  // Acknowledged of the last plan, and all of it.
  struct Counts {
    int64_t rows = 0;
    int64_t total_rows = 0;
    int64_t bytes = 0;
    int64_t total_bytes = 0;
    RecentRate::Rate rate{};  // of records, with their size as sent
  };

  // `clock` must outlive it.
  CopyLedger(std::shared_ptr<AckTracker> tracker, const Clock* clock);

  // A new plan, of which the parts in `done` are copied. Records of an earlier plan do not count.
  void Begin(const CollectionSnapshot& snapshot, const std::set<int64_t>& done);
  // Everything is copied, so much in all.
  void SetDone(int64_t rows, int64_t bytes);

  // Adds a record of a part of the plan, unless `limit` bytes or more wait for the target.
  std::optional<AckTracker::Ticket> Add(int64_t part, uint32_t rows, size_t bytes, size_t limit);
  // All records of the part have been added.
  void End(int64_t part);

  // Looks what has been acknowledged. Returns the parts that are copied, each once.
  std::set<int64_t> Advance();
  bool AllAcknowledged() const;

  Counts counts() const;

 private:
  struct OpenPart {
    CollectionSnapshot::Part part;
    int64_t acknowledged_rows = 0;
    uint64_t last_record = 0;
    bool ended = false;
  };
  struct Sent {
    uint64_t record = 0;
    int64_t part = 0;  // kEarlierPlan: of one that is over
    uint32_t rows = 0;
    size_t bytes = 0;
  };

  static constexpr int64_t kEarlierPlan = 0;  // no part has this id

  void CountLocked(OpenPart* open, int64_t rows) CDC_REQUIRES(mutex_);

  const std::shared_ptr<AckTracker> tracker_;
  const Clock* const clock_;
  mutable Mutex mutex_;
  uint64_t last_record_ CDC_GUARDED_BY(mutex_) = 0;
  std::deque<Sent> sent_ CDC_GUARDED_BY(mutex_);  // not acknowledged when it was looked last
  std::map<int64_t, OpenPart> parts_ CDC_GUARDED_BY(mutex_);  // of the plan, not copied
  Counts counts_ CDC_GUARDED_BY(mutex_);
  RecentRate rate_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
