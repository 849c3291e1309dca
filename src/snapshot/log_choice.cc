#include "snapshot/log_choice.h"

#include <cmath>

namespace cdc {

LogChoice ChooseLog(SnapshotLog wanted,
                    int64_t bytes,
                    double bytes_per_second,
                    std::chrono::seconds queue_holds) {
  LogChoice choice;
  choice.copy_takes = std::chrono::seconds(
      static_cast<int64_t>(std::ceil(static_cast<double>(bytes) / bytes_per_second)));
  switch (wanted) {
    case SnapshotLog::kWait: break;
    case SnapshotLog::kApply: choice.apply = true; break;
    case SnapshotLog::kAuto:
      choice.apply = queue_holds.count() > 0 && 2 * choice.copy_takes > queue_holds;
      break;
  }
  return choice;
}

}  // namespace cdc
