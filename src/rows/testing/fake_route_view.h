#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "rows/route_view.h"

namespace cdc {

// Shows a task that follows every collection. A test sets what the task has read and applied;
// initially that is everything. Counts the calls. Thread-safe.
class FakeRouteView final : public RouteView {
 public:
  // Shows a catalog that changes something for the task.
  void TakeCatalog(std::shared_ptr<const Catalog> catalog) {
    MutexLock lock(mutex_);
    seen_ = {.catalog = std::move(catalog), .changes = seen_.changes + 1};
  }
  void Ignore(CollectionId collection) {
    MutexLock lock(mutex_);
    ignored_.insert(collection);
  }
  void SetVanished(std::vector<Vanished> vanished) {
    MutexLock lock(mutex_);
    vanished_ = std::move(vanished);
  }
  // Sets whether a channel has been read to its end.
  void SetRead(const std::string& channel, bool read) {
    MutexLock lock(mutex_);
    unread_.erase(channel);
    if (!read) {
      unread_.insert(channel);
    }
  }
  // Shows all rows up to `ts` as acknowledged, and none above it.
  void SetApplied(const std::string& channel, Timestamp ts) {
    MutexLock lock(mutex_);
    applied_[channel] = ts;
  }
  bool forgotten(CollectionId collection) const {
    MutexLock lock(mutex_);
    return forgotten_.contains(collection);
  }
  // The number of calls of all RouteView methods together.
  size_t calls() const {
    MutexLock lock(mutex_);
    return count_;
  }

  CatalogSeen catalog_seen() const override {
    MutexLock lock(mutex_);
    ++count_;
    return seen_;
  }
  bool Follows(CollectionId collection) const override {
    MutexLock lock(mutex_);
    ++count_;
    return !ignored_.contains(collection);
  }
  std::vector<Vanished> vanished() const override {
    MutexLock lock(mutex_);
    ++count_;
    return vanished_;
  }
  bool HasReadTo(const std::string& channel, const std::optional<MsgId>& /*end*/) const override {
    MutexLock lock(mutex_);
    ++count_;
    return !unread_.contains(channel);
  }
  bool HasAppliedTo(const std::string& channel, Timestamp ts) const override {
    MutexLock lock(mutex_);
    ++count_;
    const auto found = applied_.find(channel);
    return found == applied_.end() || found->second >= ts;
  }
  void Forget(CollectionId collection) override {
    MutexLock lock(mutex_);
    ++count_;
    forgotten_.insert(collection);
  }

 private:
  mutable Mutex mutex_;
  CatalogSeen seen_ CDC_GUARDED_BY(mutex_);
  std::set<CollectionId> ignored_ CDC_GUARDED_BY(mutex_);
  std::vector<Vanished> vanished_ CDC_GUARDED_BY(mutex_);
  std::set<std::string> unread_ CDC_GUARDED_BY(mutex_);
  std::map<std::string, Timestamp> applied_ CDC_GUARDED_BY(mutex_);
  std::set<CollectionId> forgotten_ CDC_GUARDED_BY(mutex_);
  mutable size_t count_ CDC_GUARDED_BY(mutex_) = 0;
};

}  // namespace cdc
