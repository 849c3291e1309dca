#pragma once

#include <chrono>
#include <cstdint>

#include "model/task.h"

namespace cdc {

// Whether logs wait while stored rows are copied, or are applied meanwhile.
struct LogChoice {
  bool apply = false;
  std::chrono::seconds copy_takes{0};
};

// `bytes`: of all copies together. `queue_holds`: how long the queue keeps a record; 0: not known,
// and SnapshotLog::kAuto waits. It waits if the copies are expected to take at most half of that.
LogChoice ChooseLog(SnapshotLog wanted,
                    int64_t bytes,
                    double bytes_per_second,
                    std::chrono::seconds queue_holds);

}  // namespace cdc
