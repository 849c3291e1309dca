#include "base/clock.h"

namespace cdc {

const Clock& Clock::Real() {
  class RealClock final : public Clock {
   public:
    TimePoint Now() const override { return std::chrono::steady_clock::now(); }
    int64_t UnixMs() const override {
      return std::chrono::duration_cast<std::chrono::milliseconds>(
                 std::chrono::system_clock::now().time_since_epoch())
          .count();
    }
  };
  static const RealClock clock;
  return clock;
}

}  // namespace cdc
