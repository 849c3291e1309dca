#include "reconcile/flush_queue.h"

#include <algorithm>
#include <set>
#include <utility>

namespace cdc {

FlushQueue::FlushQueue(TargetView* target,
                       RouteView* routes,
                       const Clock* clock,
                       BackoffOptions retry)
    : target_(target), routes_(routes), clock_(clock), backoff_(retry) {}

// Resolves the names now: the flush meant the collections that have them at this time.
void FlushQueue::Add(const FlushRequestInfo& flush,
                     const Catalog& catalog,
                     std::function<void()> done) {
  const auto shared = std::make_shared<std::function<void()>>(std::move(done));
  const auto database = catalog.FindDatabase(flush.database);
  std::vector<Pending> added;
  for (const std::string& name : flush.collections) {
    const auto collection = database ? catalog.FindByName(*database, name) : nullptr;
    if (collection != nullptr && routes_->Follows(collection->id)) {
      added.push_back({collection->id, flush.ts, shared});
    }
  }
  if (added.empty()) {
    (*shared)();
    return;
  }
  MutexLock lock(mutex_);
  pending_.insert(pending_.end(), added.begin(), added.end());
}

Status FlushQueue::Flush(const Find& find) {
  std::vector<Pending> pending;
  {
    MutexLock lock(mutex_);
    if (clock_->Now() < not_before_) {
      return failure_;
    }
    // A copy: pending_ keeps them until they are complete, so that empty() does not say too early
    // that there is nothing left.
    pending = pending_;
  }
  if (pending.empty()) {
    return failure_ = OkStatus();
  }
  const std::vector<Pending> later = FlushReady(pending, find);
  std::set<const void*> open;
  for (const Pending& each : later) {
    open.insert(each.done.get());
  }
  {
    MutexLock lock(mutex_);
    // More may have been added at the back in the meantime.
    pending_.erase(pending_.begin(),
                   pending_.begin() + static_cast<std::ptrdiff_t>(pending.size()));
    pending_.insert(pending_.begin(), later.begin(), later.end());
    if (!failure_.ok()) {
      not_before_ = clock_->Now() + backoff_.Next();
    } else {
      backoff_.Reset();
    }
  }
  for (const Pending& each : pending) {
    // Called without the lock, and once per request: when none of its collections is left.
    if (open.insert(each.done.get()).second) {
      (*each.done)();
    }
  }
  return failure_;
}

std::vector<FlushQueue::Pending> FlushQueue::FlushReady(const std::vector<Pending>& pending,
                                                        const Find& find) {
  std::vector<Pending> later;
  std::map<CollectionId, Status> flushed;  // one call serves all requests for a collection
  failure_ = OkStatus();
  for (const Pending& each : pending) {
    const std::optional<Place> place = find(each.collection);
    if (!place.has_value()) {
      continue;
    }
    if (!place->ready || !HasAllRows(*place, each.ts)) {
      later.push_back(each);
      continue;
    }
    const auto [done, first] = flushed.try_emplace(each.collection);
    if (first) {
      done->second = target_->Apply(cdc::Flush{place->target});
    }
    // A collection that is missing on the target is not this queue's concern: the reconciler
    // reports it.
    if (!done->second.ok() && done->second.code() != StatusCode::kNotFound) {
      failure_ = done->second;
      later.push_back(each);
    }
  }
  return later;
}

// A flush covers every row that the source accepted before it, in all channels of the collection.
bool FlushQueue::HasAllRows(const Place& place, Timestamp ts) const {
  return std::all_of(
      place.pchannels.begin(), place.pchannels.end(),
      [&](const std::string& channel) { return routes_->HasAppliedTo(channel, ts); });
}

bool FlushQueue::empty() const {
  MutexLock lock(mutex_);
  return pending_.empty();
}

std::optional<Clock::TimePoint> FlushQueue::due() const {
  MutexLock lock(mutex_);
  return pending_.empty() ? std::nullopt : std::optional(not_before_);
}

}  // namespace cdc
