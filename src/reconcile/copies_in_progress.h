#pragma once

#include <map>
#include <utility>

#include "base/mutex.h"
#include "model/copy_selection.h"
#include "model/ids.h"

namespace cdc {

// The collections whose stored rows are not all on the target yet, so that their indexes and load
// wait. Thread-safe.
class CopiesInProgress {
 public:
  explicit CopiesInProgress(std::map<CollectionId, CopySelection> collections)
      : collections_(std::move(collections)) {}

  bool Contains(CollectionId id) const {
    MutexLock lock(mutex_);
    return collections_.contains(id);
  }
  // Whether the target's rows are compared with the source's: of all partitions, or of some.
  bool Replaces(CollectionId id) const {
    MutexLock lock(mutex_);
    const auto found = collections_.find(id);
    return found != collections_.end() && found->second.Replaces();
  }
  bool ReplacesAll(CollectionId id) const {
    MutexLock lock(mutex_);
    const auto found = collections_.find(id);
    return found != collections_.end() && found->second.IsAll();
  }
  void End(CollectionId id) {
    MutexLock lock(mutex_);
    collections_.erase(id);
  }

 private:
  mutable Mutex mutex_;
  std::map<CollectionId, CopySelection> collections_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
