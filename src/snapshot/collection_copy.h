#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "metastore/meta_store.h"
#include "model/catalog.h"
#include "model/task_progress.h"
#include "progress/ack_tracker.h"
#include "rows/make_rows.h"
#include "rows/row_consumer.h"
#include "snapshot/surplus_removal.h"
#include "source/log.h"
#include "source/snapshot_source.h"

namespace cdc {

// The channel of the trackers of copies. Its send horizon is without limit: rows of a part that is
// not noted as done are sent again as upserts anyway.
inline constexpr const char* kSnapshotChannel = "snapshot";

// Copies the stored rows of one collection. Attempt belongs to one thread; the rest is thread-safe.
class CollectionCopy {
 public:
  struct Parts {
    std::string task_id;
    SnapshotSource* source;
    Log* log;
    MetaStore* store;
    RowConsumer* consumer;
    // Whether the source still has the collection; a copy of one that is gone ends.
    std::function<bool(CollectionId)> exists;
    // For the end of a copy into a collection that the target had before; see SurplusRemoval.
    KeyReader* target_keys = nullptr;
    std::function<std::optional<RowGate>(CollectionId)> gate;
    bool tell_all_shards = false;
    size_t waiting_bytes = 32U << 20;  // read and not yet acknowledged
    const Clock* clock = &Clock::Real();
  };

  CollectionCopy(Parts parts, SnapshotProgress progress);

  // Copies what is not copied yet; ok: all of it is acknowledged by the target, and noted. After an
  // error the next attempt goes on where this one has got to. Errors: see SnapshotSource.
  // kOutOfRange: the queue no longer holds a takeover.
  Status Attempt(const Collection& collection, const std::stop_token& stop);

  // Rows were acknowledged.
  void OnProgress();

  // Of the last attempt, and what is acknowledged of it.
  struct Counts {
    int64_t rows = 0;
    int64_t total_rows = 0;
    int64_t bytes = 0;
    int64_t total_bytes = 0;
  };
  Counts counts() const;
  CollectionId id() const { return progress_.collection; }
  const std::map<std::string, Takeover>& takeover() const { return progress_.takeover; }

 private:
  Status CheckTakeover(const Collection& collection) const;
  Status BeginPlan(const CollectionSnapshot& plan);
  Status CopyPart(const Collection& collection,
                  const CollectionSnapshot& plan,
                  const std::string& vchannel,
                  const CollectionSnapshot::Part& part,
                  const std::stop_token& stop);
  Status Push(const Collection& collection, const std::string& lane, SnapshotRecord record);
  Status NoteBegun();
  Status NoteFinished();
  Status WaitUntil(const std::function<bool()>& reached, const std::stop_token& stop);

  const Parts parts_;
  // Only Attempt's thread, except for what never changes after the first plan.
  SnapshotProgress progress_;
  bool upsert_ = false;  // rows may be on the target already
  Clock::TimePoint check_again_;
  // Each record is a group with the next number as its time, so that the checkpoint tells how far
  // the records are acknowledged without a gap.
  const std::shared_ptr<AckTracker> tracker_;
  SurplusRemoval surplus_;
  uint64_t last_record_ = 0;
  // Parts that are read, by the last record that was sent before their end.
  std::map<uint64_t, std::vector<CollectionSnapshot::Part>> ends_;

  mutable Mutex mutex_;
  CondVar progressed_;
  bool progress_made_ CDC_GUARDED_BY(mutex_) = false;
  Counts counts_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
