#include "snapshot/snapshot_copier.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/thread.h"

namespace cdc {
namespace {

// The rows that are left take as long as they would have in the last ten seconds.
void AddSpeed(const CopyLedger::Counts& counts, SnapshotStatus* status) {
  status->rows_per_second = counts.rate.rows;
  status->bytes_per_second = counts.rate.bytes;
  if (counts.rate.rows > 0) {
    status->seconds_left = static_cast<int64_t>(
        std::ceil(static_cast<double>(counts.total_rows - counts.rows) / counts.rate.rows));
  }
}

}  // namespace

SnapshotCopier::SnapshotCopier(Parts parts, const MetaStore::Progress& progress)
    : parts_(std::move(parts)) {
  std::map<CollectionId, SnapshotProgress> snapshots;
  for (const SnapshotProgress& snapshot : progress.snapshots) {
    snapshots[snapshot.collection] = snapshot;
  }
  for (const AsideCollection& aside : progress.aside) {
    if (!aside.reason.empty()) {
      snapshots.erase(aside.collection);
    }
  }
  std::vector<ReplicatedCollection> collections = progress.collections;
  std::sort(collections.begin(), collections.end(),
            [](const auto& a, const auto& b) { return a.created < b.created; });
  for (const ReplicatedCollection& collection : collections) {
    const auto snapshot = snapshots.find(collection.id);
    if (snapshot == snapshots.end()) {
      continue;
    }
    auto entry = std::make_unique<Entry>();
    entry->name = collection.source;
    entry->done = snapshot->second.done;
    entry->expected_seconds = snapshot->second.expected_seconds;
    entry->queue_seconds = snapshot->second.queue_seconds;
    entry->copy = std::make_unique<CollectionCopy>(
        CollectionCopy::Parts{.task_id = parts_.task_id,
                              .source = parts_.source(snapshot->second.selection),
                              .log = parts_.log,
                              .store = parts_.store,
                              .consumer = parts_.consumer,
                              .throttle = parts_.throttle,
                              .exists = [this](CollectionId id) { return Exists(id); },
                              .target_keys = parts_.target_keys,
                              .gate = parts_.gate,
                              .tell_all_shards = parts_.tell_all_shards,
                              .dry_run = parts_.dry_run,
                              .look = [this] { ApplyLogs(); },
                              .max_parallel = parts_.max_parallel,
                              .clock = parts_.clock},
        std::move(snapshot->second));
    entries_.push_back(std::move(entry));
  }
}

bool SnapshotCopier::Exists(CollectionId id) const {
  const auto collection = parts_.catalog->Current()->Find(id);
  return collection != nullptr && collection->state == ObjectState::kCreated;
}

bool SnapshotCopier::HasWork() const {
  MutexLock lock(mutex_);
  return std::any_of(entries_.begin(), entries_.end(),
                     [](const auto& entry) { return !entry->done; });
}

void SnapshotCopier::Run(const std::stop_token& stop) {
  for (const std::unique_ptr<Entry>& entry : entries_) {
    if (entry->done) {
      continue;
    }
    {
      MutexLock lock(mutex_);
      active_ = entry->copy.get();
    }
    const bool copied = CopyOne(entry.get(), stop);
    MutexLock lock(mutex_);
    active_ = nullptr;
    entry->done = copied;
    if (!copied) {
      return;
    }
  }
}

// All of them, whichever is being copied: they share channels.
void SnapshotCopier::ApplyLogs() {
  for (const std::unique_ptr<Entry>& entry : entries_) {
    const Result<bool> applied = entry->copy->TryToApplyLog();
    if (!applied.ok() || entry->log_failed) {
      parts_.conditions->Set("log of " + entry->name.ToString(), applied.status());
      entry->log_failed = !applied.ok();
    }
    if (applied.ok() && *applied) {
      spdlog::info("task={} snapshot of {}: its log is applied meanwhile", parts_.task_id,
                   entry->name.ToString());
      parts_.on_log_applied(entry->copy->id(), entry->copy->takeover());
    }
  }
}

// Returns whether nothing is left to copy of it; else the task stops.
bool SnapshotCopier::CopyOne(Entry* entry, const std::stop_token& stop) {
  const CollectionId id = entry->copy->id();
  const std::string part = "snapshot of " + entry->name.ToString();
  const CopySelection& selection = entry->copy->selection();
  if (parts_.source(selection) == nullptr) {
    parts_.on_failed(id,
                     FailedPreconditionError(
                         part + ": the server does not know where to read the source's rows: set " +
                         parts_.setting(selection)));
    return false;
  }
  Backoff backoff(parts_.retry);
  while (!stop.stop_requested()) {
    Status copied = parts_.catalog->Sync(stop).status();
    const auto collection = parts_.catalog->Current()->Find(id);
    if (copied.ok() && !Exists(id)) {
      parts_.conditions->Set(part, OkStatus());
      parts_.on_gone(id);
      return true;  // dropped on the source: the reconciler drops it on the target
    }
    if (copied.ok()) {
      copied = entry->copy->Attempt(*collection, stop);
    }
    if (copied.ok()) {
      spdlog::info("task={} {}: {} rows copied; its log goes on from here", parts_.task_id, part,
                   entry->copy->counts().rows);
      parts_.conditions->Set(part, OkStatus());
      parts_.on_copied(id, entry->copy->takeover());
      return true;
    }
    if (copied.code() == StatusCode::kCancelled) {
      continue;  // by the stop, or because the source has dropped it
    }
    // A file that is gone: its rows are in another segment by now. What a drop leaves half removed
    // makes no sense, and is no error.
    if (!IsRetryable(copied) && copied.code() != StatusCode::kNotFound) {
      if (parts_.catalog->Sync(stop).ok() && !Exists(id)) {
        continue;
      }
      parts_.on_failed(id, copied.WithContext(part));
      return false;
    }
    if (backoff.attempts() == 0) {
      spdlog::warn("task={} {}: {}; retrying", parts_.task_id, part, copied.ToString());
    }
    parts_.conditions->Set(part, copied);
    Pause(backoff.Next(), stop);
  }
  return false;
}

void SnapshotCopier::OnProgress() {
  MutexLock lock(mutex_);
  if (active_ != nullptr) {
    active_->OnProgress();
  }
}

std::vector<SnapshotStatus> SnapshotCopier::Statuses() const {
  std::vector<SnapshotStatus> statuses;
  MutexLock lock(mutex_);
  for (const std::unique_ptr<Entry>& entry : entries_) {
    const CopyLedger::Counts counts = entry->copy->counts();
    statuses.push_back({.collection = entry->name,
                        .selection = entry->copy->selection(),
                        .done = entry->done,
                        .rows = counts.rows,
                        .total_rows = counts.total_rows,
                        .bytes = counts.bytes,
                        .total_bytes = counts.total_bytes,
                        .log_applied = entry->copy->log() == CopyLog::kApplied,
                        .expected_seconds = entry->expected_seconds,
                        .queue_seconds = entry->queue_seconds});
    if (entry->copy.get() == active_) {
      AddSpeed(counts, &statuses.back());
    }
  }
  return statuses;
}

}  // namespace cdc
