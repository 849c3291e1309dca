#include "snapshot/copy_ledger.h"

#include <utility>

namespace cdc {

CopyLedger::CopyLedger(std::shared_ptr<AckTracker> tracker, const Clock* clock)
    : tracker_(std::move(tracker)), clock_(clock) {}

void CopyLedger::Begin(const CollectionSnapshot& snapshot, const std::set<int64_t>& done) {
  MutexLock lock(mutex_);
  counts_ = {};
  parts_.clear();
  for (Sent& sent : sent_) {
    sent.part = kEarlierPlan;
  }
  rate_.Begin(clock_->Now());
  for (const auto& [vchannel, shard] : snapshot.shards()) {
    for (const CollectionSnapshot::Part& part : shard.parts) {
      counts_.total_rows += part.rows;
      counts_.total_bytes += part.bytes;
      if (done.contains(part.id)) {
        counts_.rows += part.rows;
        counts_.bytes += part.bytes;
      } else {
        parts_[part.id] = {.part = part};
      }
    }
  }
}

void CopyLedger::SetDone(int64_t rows, int64_t bytes) {
  MutexLock lock(mutex_);
  counts_ = {.rows = rows, .total_rows = rows, .bytes = bytes, .total_bytes = bytes};
  rate_.Begin(clock_->Now());
}

std::optional<AckTracker::Ticket> CopyLedger::Add(int64_t part,
                                                  uint32_t rows,
                                                  size_t bytes,
                                                  size_t limit) {
  MutexLock lock(mutex_);
  // Two readers must not both find the last place free.
  if (tracker_->pending_bytes() >= limit) {
    return std::nullopt;
  }
  ++last_record_;
  sent_.push_back({.record = last_record_, .part = part, .rows = rows, .bytes = bytes});
  parts_.at(part).last_record = last_record_;
  const uint64_t group = tracker_->AddGroup(Timestamp{last_record_}, MsgId{},
                                            {{.id = MsgId{}, .bytes = bytes, .rows = rows}});
  return AckTracker::Ticket{.group = group, .index = 0};
}

void CopyLedger::End(int64_t part) {
  MutexLock lock(mutex_);
  parts_.at(part).ended = true;
}

std::set<int64_t> CopyLedger::Advance() {
  const uint64_t reached = tracker_->checkpoint().value;
  const Clock::TimePoint now = clock_->Now();
  MutexLock lock(mutex_);
  while (!sent_.empty() && sent_.front().record <= reached) {
    const Sent& sent = sent_.front();
    rate_.Add(sent.rows, static_cast<int64_t>(sent.bytes), now);
    if (const auto open = parts_.find(sent.part); open != parts_.end()) {
      CountLocked(&open->second, sent.rows);
    }
    sent_.pop_front();
  }
  std::set<int64_t> copied;
  for (auto& [id, open] : parts_) {
    if (open.ended && open.last_record <= reached) {
      // With the rows that were deleted, which are never sent.
      CountLocked(&open, open.part.rows - open.acknowledged_rows);
      copied.insert(id);
    }
  }
  std::erase_if(parts_, [&copied](const auto& each) { return copied.contains(each.first); });
  return copied;
}

// The stored size of a part is known only as a whole.
void CopyLedger::CountLocked(OpenPart* open, int64_t rows) {
  const auto bytes_of = [open](int64_t some) {
    return open->part.rows == 0 ? 0
                                : static_cast<int64_t>(static_cast<double>(open->part.bytes) *
                                                       static_cast<double>(some) /
                                                       static_cast<double>(open->part.rows));
  };
  const int64_t before = open->acknowledged_rows;
  open->acknowledged_rows += rows;
  counts_.rows += rows;
  counts_.bytes += bytes_of(open->acknowledged_rows) - bytes_of(before);
}

bool CopyLedger::AllAcknowledged() const {
  MutexLock lock(mutex_);
  return tracker_->checkpoint().value == last_record_;
}

CopyLedger::Counts CopyLedger::counts() const {
  MutexLock lock(mutex_);
  Counts counts = counts_;
  counts.rate = rate_.At(clock_->Now());
  return counts;
}

}  // namespace cdc
