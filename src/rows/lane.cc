#include "rows/lane.h"

#include <algorithm>
#include <utility>

namespace cdc {
namespace {

bool Touches(const std::unordered_set<uint64_t>& set, const std::vector<uint64_t>& keys) {
  return !set.empty() &&
         std::any_of(keys.begin(), keys.end(), [&set](uint64_t key) { return set.contains(key); });
}

bool SamePartition(const PendingRows& a, const PendingRows& b) {
  return a.message->partition == b.message->partition;
}

// Whether `rows` can be written by the same call as `batch`.
bool Fits(const Lane::Batch& batch, const PendingRows& rows, const LaneLimits& limits) {
  const PendingRows& first = batch.rows.front();
  // Records of different origins may differ in what else they have.
  if (rows.op != first.op || rows.copied != first.copied || !SamePartition(rows, first)) {
    return false;
  }
  const bool deletes = rows.op == RowOp::kDelete;
  if (!deletes && !SameColumns(*first.message, *rows.message)) {
    return false;
  }
  const size_t max_keys = deletes ? limits.delete_rows : limits.batch_rows;
  const size_t max_bytes = deletes ? limits.delete_bytes : limits.batch_bytes;
  return batch.bytes + rows.bytes <= max_bytes && batch.keys + rows.keys.size() <= max_keys;
}

}  // namespace

void PendingRows::UpsertUntil(Timestamp until) {
  if (op == RowOp::kInsert && message->ts <= until) {
    op = RowOp::kUpsert;
  }
}

void Lane::Push(PendingRows rows) {
  queued_bytes_ += rows.bytes;
  rows.also.clear();
  if (rows.copied) {
    ++copied_;
  } else {
    newest_ = std::max(newest_, rows.message->ts);
    if (channel_.empty()) {
      channel_ = rows.tracker->channel();
    }
  }
  ++waiting_[rows.message->partition];
  queue_.push_back(std::move(rows));
}

void Lane::Uncount(const PendingRows& rows) {
  queued_bytes_ -= rows.bytes;
  copied_ -= rows.copied ? 1 : 0;
  const auto waiting = waiting_.find(rows.message->partition);
  if (--waiting->second == 0) {
    waiting_.erase(waiting);
  }
}

Lane::Batch Lane::Take(const LaneLimits& limits, Timestamp reach, const MayGo& may_go) {
  Batch batch;
  KeySet own;      // keys of the batch; repeated in one insert, a key would have no order
  KeySet blocked;  // keys of the rows left behind so far: nothing later may overtake them
  size_t scanned = 0;
  size_t seen = 0;
  size_t kept = 0;
  for (; seen < queue_.size() && scanned < limits.scan_rows; ++seen) {
    PendingRows& rows = queue_[seen];
    const bool beyond = !rows.copied && rows.message->ts > reach;
    if (beyond && copied_ == 0) {
      break;  // later rows are beyond it too, except late messages, and those can wait
    }
    scanned += rows.keys.size();
    const bool free = !beyond && may_go(*rows.message) && !Touches(in_flight_, rows.keys) &&
                      !Touches(blocked, rows.keys);
    // Deletes may repeat a key: deleting it twice has the effect of deleting it once.
    const bool joins =
        free && (batch.rows.empty() || (Fits(batch, rows, limits) &&
                                        (rows.op == RowOp::kDelete || !Touches(own, rows.keys))));
    if (joins) {
      batch.bytes += rows.bytes;
      batch.keys += rows.keys.size();
      own.insert(rows.keys.begin(), rows.keys.end());
      Uncount(rows);
      batch.rows.push_back(std::move(rows));
      continue;
    }
    if (!batch.rows.empty() && batch.bytes >= limits.batch_bytes / 2 && free) {
      break;  // big enough: scanning further costs more than it gains
    }
    blocked.insert(rows.keys.begin(), rows.keys.end());
    // Rows that stay move up in one pass: erasing each row that joins would cost the length of the
    // queue every time.
    if (kept != seen) {
      queue_[kept] = std::move(rows);
    }
    ++kept;
  }
  queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(kept),
               queue_.begin() + static_cast<std::ptrdiff_t>(seen));
  if (!batch.rows.empty()) {
    // No key is in both sets (see `free`), so Finish can simply erase the batch's keys.
    in_flight_.merge(own);
    ++calls_;
  }
  return batch;
}

void Lane::UpsertUntil(Timestamp until) {
  for (PendingRows& rows : queue_) {
    rows.UpsertUntil(until);
  }
}

void Lane::Finish(const Batch& batch) {
  for (const PendingRows& rows : batch.rows) {
    for (const uint64_t key : rows.keys) {
      in_flight_.erase(key);
    }
  }
  --calls_;
}

std::vector<PendingRows> Lane::Remove(const std::function<bool(const Message&)>& predicate) {
  std::vector<PendingRows> removed;
  std::deque<PendingRows> kept;
  for (PendingRows& rows : queue_) {
    if (predicate(*rows.message)) {
      Uncount(rows);
      removed.push_back(std::move(rows));
    } else {
      kept.push_back(std::move(rows));
    }
  }
  queue_ = std::move(kept);
  return removed;
}

}  // namespace cdc
