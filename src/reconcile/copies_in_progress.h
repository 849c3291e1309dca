#pragma once

#include <set>
#include <utility>

#include "base/mutex.h"
#include "model/ids.h"

namespace cdc {

// The collections whose stored rows are not all on the target yet, so that their indexes and load
// wait. Thread-safe.
class CopiesInProgress {
 public:
  explicit CopiesInProgress(std::set<CollectionId> collections)
      : collections_(std::move(collections)) {}

  bool Contains(CollectionId id) const {
    MutexLock lock(mutex_);
    return collections_.contains(id);
  }
  void End(CollectionId id) {
    MutexLock lock(mutex_);
    collections_.erase(id);
  }

 private:
  mutable Mutex mutex_;
  std::set<CollectionId> collections_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
