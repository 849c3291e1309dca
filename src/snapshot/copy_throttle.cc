#include "snapshot/copy_throttle.h"

#include <algorithm>
#include <chrono>

#include "base/thread.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;

// A clock that a test moves is looked at again after this time.
constexpr milliseconds kLookAgain{100};
// Of one record; a limit that makes it longer is as good as a standstill.
constexpr std::chrono::duration<double> kLongest = std::chrono::hours(24);

}  // namespace

Status CopyThrottle::Take(int64_t bytes, const std::stop_token& stop) {
  if (bytes_per_second_ <= 0) {
    return OkStatus();
  }
  Clock::TimePoint mine;
  {
    MutexLock lock(mutex_);
    mine = std::max(free_, clock_->Now());
    const std::chrono::duration<double> takes(static_cast<double>(bytes) /
                                              static_cast<double>(bytes_per_second_));
    free_ =
        mine + std::chrono::duration_cast<Clock::TimePoint::duration>(std::min(takes, kLongest));
  }
  for (auto now = clock_->Now(); now < mine; now = clock_->Now()) {
    const auto left = std::chrono::ceil<milliseconds>(mine - now);
    if (!Pause(std::min(left, kLookAgain), stop)) {
      return CancelledError("stopped");
    }
  }
  return OkStatus();
}

}  // namespace cdc
