#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "model/catalog.h"
#include "model/flush_request.h"
#include "reconcile/target_view.h"
#include "rows/route_view.h"

namespace cdc {

// Repeats the source's flushes on the target. Each collection is flushed once its rows up to the
// time of the flush are applied. A failed call is retried with back-off.
//
// Flush belongs to the reconciler's thread; the rest is thread-safe.
class FlushQueue {
 public:
  // All pointers must outlive this.
  FlushQueue(TargetView* target, RouteView* routes, const Clock* clock, BackoffOptions retry);

  // Skips collections that are not in `catalog` or that the task does not follow. Calls `done` once
  // all others are flushed or dropped; immediately if there are none.
  void Add(const FlushRequestInfo& flush, const Catalog& catalog, std::function<void()> done);

  // Where a collection is on the target.
  struct Place {
    bool ready = false;  // it exists there under the name `target`
    CollectionName target;
    std::vector<std::string> pchannels;
  };
  // nullopt: the collection has been dropped.
  using Find = std::function<std::optional<Place>(CollectionId)>;

  // Flushes what is due. Returns the last failure until an attempt succeeds.
  Status Flush(const Find& find);

  // Whether all flushes are complete; false while one is in progress.
  bool empty() const;
  // When to call Flush again at the latest; nullopt: nothing waits.
  std::optional<Clock::TimePoint> due() const;

 private:
  struct Pending {
    CollectionId collection;
    Timestamp ts;
    std::shared_ptr<std::function<void()>> done;  // shared by the collections of one request
  };

  // Returns the part of `pending` that has to wait, and sets failure_.
  std::vector<Pending> FlushReady(const std::vector<Pending>& pending, const Find& find);
  bool HasAllRows(const Place& place, Timestamp ts) const;

  TargetView* const target_;
  RouteView* const routes_;
  const Clock* const clock_;

  // Only the reconciler's thread.
  Backoff backoff_;
  Status failure_;

  mutable Mutex mutex_;
  std::vector<Pending> pending_ CDC_GUARDED_BY(mutex_);
  Clock::TimePoint not_before_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
