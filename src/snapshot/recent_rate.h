#pragma once

#include <cstdint>
#include <deque>

#include "base/clock.h"

namespace cdc {

// How many rows and bytes a second there were in the last ten seconds. Its owner guards it.
class RecentRate {
 public:
  struct Rate {
    double rows = 0;  // per second
    double bytes = 0;
  };

  // Counting begins.
  void Begin(Clock::TimePoint now);
  void Add(int64_t rows, int64_t bytes, Clock::TimePoint now);

  // Of the last ten seconds, or since the beginning if that was later.
  Rate At(Clock::TimePoint now) const;

 private:
  struct Sum {
    Clock::TimePoint since;
    int64_t rows = 0;
    int64_t bytes = 0;
  };

  Clock::TimePoint begun_;
  std::deque<Sum> sums_;  // of about a second each
};

}  // namespace cdc
