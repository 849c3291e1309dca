#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "metastore/meta_store.h"
#include "model/catalog.h"
#include "model/task_progress.h"
#include "progress/ack_tracker.h"
#include "rows/row_consumer.h"
#include "snapshot/copy_ledger.h"
#include "snapshot/copy_throttle.h"
#include "snapshot/part_queue.h"
#include "snapshot/surplus_removal.h"
#include "source/log.h"
#include "source/snapshot_source.h"

namespace cdc {

// The channel of the trackers of copies. It has no send horizon: rows of a part that is not noted
// as done are sent again as upserts anyway.
inline constexpr const char* kSnapshotChannel = "snapshot";

// Copies the stored rows of one collection: readers, threads of their own, read one part each and
// push its rows; Attempt's thread notes what is acknowledged. Attempt belongs to one thread; the
// rest is thread-safe.
class CollectionCopy {
 public:
  struct Parts {
    std::string task_id;
    SnapshotSource* source;
    Log* log;
    MetaStore* store;
    RowConsumer* consumer;
    CopyThrottle* throttle;
    // Whether the source still has the collection; a copy of one that is gone ends.
    std::function<bool(CollectionId)> exists;
    // For a copy into a collection that the target had before; see SurplusRemoval.
    KeyReader* target_keys = nullptr;
    std::function<std::optional<RowGate>(CollectionId)> gate;
    bool tell_all_shards = false;
    bool dry_run = false;
    // Called on Attempt's thread now and then while it waits.
    std::function<void()> look = [] {};
    size_t max_parallel = 1;           // readers at most
    size_t waiting_bytes = 32U << 20;  // read by all of them and not yet acknowledged
    const Clock* clock = &Clock::Real();
  };

  CollectionCopy(Parts parts, SnapshotProgress progress);

  // Copies what is not copied yet; ok: all of it is acknowledged by the target, and noted. After an
  // error the next attempt goes on where this one has got to. Errors: see SnapshotSource.
  // kOutOfRange: the queue no longer holds a takeover. Its readers end before it returns.
  Status Attempt(const Collection& collection, const std::stop_token& stop);

  // If its log is to be applied meanwhile: looks whether it can be by now, and stores that. A
  // collection that the target had before keeps its log waiting, since what only the target has
  // could not be told from what the log has brought. Returns whether the log may be followed now,
  // once. Call it on Attempt's thread.
  Result<bool> TryToApplyLog();

  // Rows were acknowledged.
  void OnProgress();

  CopyLedger::Counts counts() const { return ledger_.counts(); }
  CollectionId id() const { return progress_.collection; }
  CopyLog log() const { return log_; }
  const CopySelection& selection() const { return progress_.selection; }
  const std::map<std::string, Takeover>& takeover() const { return progress_.takeover; }

 private:
  Status CheckTakeover(const Collection& collection) const;
  Status PrepareTarget(const Collection& collection, const std::stop_token& stop);
  Status RemoveSurplus(const Collection& collection, const std::stop_token& stop);
  Status BeginPlan(const CollectionSnapshot& plan);
  Status CopyAll(const Collection& collection,
                 const CollectionSnapshot& plan,
                 const std::stop_token& stop);
  Status WaitForReaders(const Collection& collection, const std::stop_token& stop);
  Status NoteBegun();
  Status NoteFinished();

  // On the readers' threads:
  void RunReader(const Collection& collection,
                 const CollectionSnapshot& plan,
                 PartQueue* queue,
                 const std::stop_token& stop);
  Status CopyPart(const Collection& collection,
                  const CollectionSnapshot& plan,
                  const PartQueue::Place& place,
                  const std::stop_token& stop);
  Status Push(const Collection& collection,
              const PartQueue::Place& place,
              SnapshotRecord record,
              const std::stop_token& stop);

  // kCancelled: stopped, or the source has dropped the collection.
  Status WaitUntil(const std::function<bool()>& reached, const std::stop_token& stop);
  // Waits for the next change after `seen` changes, but not long.
  uint64_t Changes() const;
  void WaitForChange(uint64_t seen, const std::stop_token& stop);

  const Parts parts_;
  // Only Attempt's thread, except for what never changes after the first plan.
  SnapshotProgress progress_;
  Clock::TimePoint check_again_;
  bool upsert_ = false;  // rows may be on the target already; the same for a whole attempt
  const std::shared_ptr<AckTracker> tracker_;
  SurplusRemoval surplus_;
  std::atomic<CopyLog> log_;  // of progress_, for other threads
  bool cleared_ = false;      // other rows were removed before the first one was sent
  CopyLedger ledger_;

  mutable Mutex mutex_;
  CondVar changed_;
  // Of acknowledgements and readers. A number and not a flag, since several threads wait for it.
  uint64_t changes_ CDC_GUARDED_BY(mutex_) = 0;
  size_t readers_ CDC_GUARDED_BY(mutex_) = 0;  // that have not ended
  Status failure_ CDC_GUARDED_BY(mutex_);      // of the first reader that failed
};

}  // namespace cdc
