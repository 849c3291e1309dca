#include "snapshot/copy_throttle.h"

#include <algorithm>
#include <chrono>

#include "base/thread.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;

// A clock that a test moves is looked at again after this time.
constexpr milliseconds kLongestPause{100};
// Of one record; a limit that makes it longer is as good as a standstill.
constexpr std::chrono::duration<double> kLongest = std::chrono::hours(24);

// Between two copies, and not a slow target.
constexpr std::chrono::seconds kPause{10};
// For a rate that means something.
constexpr std::chrono::seconds kEnough{10};
// Bytes per second: a slow target takes no less.
constexpr double kGuess = 5e6;

}  // namespace

Status CopyThrottle::Take(int64_t bytes, const std::stop_token& stop) {
  Clock::TimePoint mine;
  {
    MutexLock lock(mutex_);
    const auto called = clock_->Now();
    if (last_.has_value() && called - *last_ < kPause) {
      busy_ += called - *last_;
    }
    last_ = called;
    taken_ += bytes;
    if (bytes_per_second_ <= 0) {
      return OkStatus();
    }
    mine = std::max(free_, called);
    const std::chrono::duration<double> takes(static_cast<double>(bytes) /
                                              static_cast<double>(bytes_per_second_));
    free_ =
        mine + std::chrono::duration_cast<Clock::TimePoint::duration>(std::min(takes, kLongest));
  }
  for (auto now = clock_->Now(); now < mine; now = clock_->Now()) {
    const auto left = std::chrono::ceil<milliseconds>(mine - now);
    if (!Pause(std::min(left, kLongestPause), stop)) {
      return CancelledError("stopped");
    }
  }
  return OkStatus();
}

double CopyThrottle::ExpectedRate() const {
  MutexLock lock(mutex_);
  const double busy = std::chrono::duration<double>(busy_).count();
  const double rate = busy_ < kEnough ? kGuess : static_cast<double>(taken_) / busy;
  return bytes_per_second_ > 0 ? std::min(rate, static_cast<double>(bytes_per_second_)) : rate;
}

}  // namespace cdc
