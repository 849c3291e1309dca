#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "model/ids.h"
#include "model/takeover.h"
#include "model/task_status.h"
#include "sink/standby/standby_queue.h"

namespace cdc {

// Where a standby's queues have put the last rows of each collection. Thread-safe.
class LastRowPositions {
 public:
  // Rows of `name`, a collection of the standby, were sent.
  void Note(const CollectionName& name,
            const std::string& pchannel,
            const StandbyQueue::Sent& sent) {
    if (sent.position.empty()) {
      return;
    }
    MutexLock lock(mutex_);
    rows_[name][pchannel] = {.position = sent.position, .ts = sent.stamp};
  }

  // There is no collection of this name, or another one.
  void Forget(const CollectionName& name) {
    MutexLock lock(mutex_);
    rows_.erase(name);
  }

  std::vector<TargetRows> List() const {
    MutexLock lock(mutex_);
    std::vector<TargetRows> list;
    for (const auto& [name, channels] : rows_) {
      for (const auto& [pchannel, last] : channels) {
        list.push_back({name, pchannel, last.ts, last.position});
      }
    }
    return list;
  }

 private:
  mutable Mutex mutex_;
  std::map<CollectionName, std::map<std::string, Takeover>> rows_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
