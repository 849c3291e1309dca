#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"

namespace cdc {

// Keeps all copies of a process together below a number of bytes per second, and knows how fast
// they have been. Thread-safe.
class CopyThrottle {
 public:
  // 0: without limit. `clock` must outlive it.
  explicit CopyThrottle(int64_t bytes_per_second, const Clock* clock = &Clock::Real())
      : bytes_per_second_(bytes_per_second), clock_(clock) {}

  // Returns when `bytes` may be sent; what was taken before has gone at the given rate. The first
  // to come goes at once, whatever its size. kCancelled: stopped.
  Status Take(int64_t bytes, const std::stop_token& stop);

  // What copies have had per second while there were any; before that is known, a low guess. Never
  // above the limit.
  double ExpectedRate() const;

 private:
  const int64_t bytes_per_second_;
  const Clock* const clock_;
  mutable Mutex mutex_;
  Clock::TimePoint free_ CDC_GUARDED_BY(mutex_);  // when all that was taken has gone
  std::optional<Clock::TimePoint> last_ CDC_GUARDED_BY(mutex_);
  Clock::TimePoint::duration busy_ CDC_GUARDED_BY(mutex_){0};
  int64_t taken_ CDC_GUARDED_BY(mutex_) = 0;
};

}  // namespace cdc
