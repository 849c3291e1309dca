#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "metastore/meta_store.h"
#include "model/catalog.h"
#include "model/task_status.h"
#include "progress/condition_board.h"
#include "rows/row_consumer.h"
#include "snapshot/collection_copy.h"
#include "snapshot/copy_throttle.h"
#include "source/catalog_source.h"
#include "source/snapshot_source.h"

namespace cdc {

// Copies the stored rows of a task's collections, one collection after the other, the oldest first.
// Run belongs to one thread; the rest is thread-safe.
class SnapshotCopier {
 public:
  struct Parts {
    std::string task_id;
    CatalogSource* catalog;
    Log* log;
    // From where a copy reads; nullptr: that is not configured.
    std::function<SnapshotSource*(const CopySelection&)> source;
    // What has to be set for it.
    std::function<std::string(const CopySelection&)> setting;
    MetaStore* store;
    RowConsumer* consumer;
    CopyThrottle* throttle;
    ConditionBoard* conditions;
    BackoffOptions retry;
    size_t max_parallel = 1;  // threads that read
    const Clock* clock = &Clock::Real();
    std::function<void(CollectionId, const Status&)> on_failed;  // this one cannot be copied
    // The log of the collection may be followed from the takeovers on.
    std::function<void(CollectionId, const std::map<std::string, Takeover>&)> on_log_applied =
        [](CollectionId, const std::map<std::string, Takeover>&) {};
    std::function<void(CollectionId)> on_gone = [](CollectionId) {};  // the source has dropped it
    // All rows of the collection up to the takeovers are on the target.
    std::function<void(CollectionId, const std::map<std::string, Takeover>&)> on_copied;
    // See CollectionCopy.
    KeyReader* target_keys = nullptr;
    std::function<std::optional<RowGate>(CollectionId)> gate;
    bool tell_all_shards = false;
    bool dry_run = false;
  };

  // Knows what the store has. All parts must outlive this.
  SnapshotCopier(Parts parts, const MetaStore::Progress& progress);

  // Whether there is something for Run to copy.
  bool HasWork() const;

  // Returns when everything is copied, or at `stop`. A transient error is repeated with back-off
  // and shown as a condition; another one goes to on_failed and ends it.
  void Run(const std::stop_token& stop);

  // Rows were acknowledged. Cheap if nothing is being copied.
  void OnProgress();

  // In the order in which they are copied; empty: the task copies nothing.
  std::vector<SnapshotStatus> Statuses() const;

 private:
  struct Entry {
    CollectionName name;
    bool done = false;
    bool log_failed = false;  // the condition of its log is set
    int64_t expected_seconds = 0;
    int64_t queue_seconds = 0;
    std::unique_ptr<CollectionCopy> copy;
  };

  bool Exists(CollectionId id) const;
  void ApplyLogs();
  bool CopyOne(Entry* entry, const std::stop_token& stop);

  const Parts parts_;
  std::vector<std::unique_ptr<Entry>> entries_;
  mutable Mutex mutex_;
  CollectionCopy* active_ CDC_GUARDED_BY(mutex_) = nullptr;
};

}  // namespace cdc
