#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>

#include "base/mutex.h"

namespace cdc {

// Which task of this process writes which collection of which target: never two write one, under
// whatever addresses and names they know it. A collection is any text that tells it from every
// other one. Thread-safe.
class CollectionClaims {
 public:
  struct Outcome {
    std::optional<std::string> holder;  // the other task that has it: nothing is claimed
    bool taken_over = false;            // claimed, and another task that ended had it before
  };
  // Claims `collection` for `task`, once more if it has it already.
  Outcome Claim(const std::string& collection, const std::string& task);

  // Takes back one claim: the task has no more to do with this collection.
  void Release(const std::string& collection, const std::string& task);

  // Takes back all claims of a task: it has ended, and may come back.
  void ReleaseAll(const std::string& task);

 private:
  struct Holder {
    std::string task;   // the last one
    size_t claims = 0;  // 0: it has ended
  };
  Mutex mutex_;
  std::map<std::string, Holder> holders_ CDC_GUARDED_BY(mutex_);  // by collection
};

}  // namespace cdc
