#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace cdc {

// Stands still until a test moves it. Both times move together. Thread-safe.
class FakeClock final : public Clock {
 public:
  TimePoint Now() const override { return TimePoint() + std::chrono::hours(1) + elapsed(); }
  int64_t UnixMs() const override { return kStartUnixMs + elapsed().count(); }

  void Advance(std::chrono::milliseconds by) { elapsed_ms_ += by.count(); }

 private:
  static constexpr int64_t kStartUnixMs = 1'700'000'000'000;
  std::chrono::milliseconds elapsed() const {
    return std::chrono::milliseconds(elapsed_ms_.load());
  }

  std::atomic<int64_t> elapsed_ms_ = 0;
};

}  // namespace cdc
