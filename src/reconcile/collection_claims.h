#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "base/mutex.h"

namespace cdc {

// Records which task of this process writes which collection of which target, so that no two tasks
// write the same one, whatever addresses and names they use for it. A collection is identified by
// any text that is unique to it. Thread-safe.
class CollectionClaims {
 public:
  struct Outcome {
    std::optional<std::string> holder;  // another task holds it, and the claim failed
    bool taken_over = false;            // claimed; a task that has ended held it before
  };
  // Claims `collection` for `task`. Claims nest: each one needs its own Release.
  Outcome Claim(const std::string& collection, const std::string& task);

  // Releases one claim: the task is finished with this collection.
  void Release(const std::string& collection, const std::string& task);

  // Releases all claims of a task that has ended but may come back.
  void ReleaseAll(const std::string& task);

 private:
  struct Holder {
    std::string task;   // the most recent one
    size_t claims = 0;  // 0: that task has ended
  };
  Mutex mutex_;
  std::map<std::string, Holder> holders_ CDC_GUARDED_BY(mutex_);  // by collection
};

}  // namespace cdc
