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

// Flushes of the source that are to be repeated on the target, each collection after its rows up to
// the flush's time. A failed call is retried with back-off.
//
// Flush belongs to the reconciler's thread; the rest is thread-safe.
class FlushQueue {
 public:
  // What must outlive this: all of it.
  FlushQueue(TargetView* target, RouteView* routes, const Clock* clock, BackoffOptions retry);

  // Collections that `catalog` does not have, or the task does not follow, are left out. `done` is
  // called once the rest is flushed or dropped, at once if there is none.
  void Add(const FlushRequestInfo& flush, const Catalog& catalog, std::function<void()> done);

  // Where a collection is on the target.
  struct Place {
    bool ready = false;  // it is made, and has its name
    CollectionName target;
    std::vector<std::string> pchannels;
  };
  // nullopt: the collection has been dropped.
  using Find = std::function<std::optional<Place>(CollectionId)>;

  // Flushes what is due. Returns what the last attempt that failed said, until one succeeds.
  Status Flush(const Find& find);

  // Whether all flushes are carried out; false while one is under way.
  bool empty() const;
  // When Flush is to be called again at the latest; nullopt: nothing waits.
  std::optional<Clock::TimePoint> due() const;

 private:
  struct Pending {
    CollectionId collection;
    Timestamp ts;
    std::shared_ptr<std::function<void()>> done;  // shared by the collections of one request
  };

  // Returns those of `pending` that have to wait, and sets failure_.
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
