#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/clock.h"

namespace cdc {

// Stands still until a test moves it. Both times move together. Thread-safe.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(int64_t unix_ms = 1'700'000'000'000) : start_unix_ms_(unix_ms) {}

  TimePoint Now() const override { return TimePoint() + std::chrono::hours(1) + elapsed(); }
  int64_t UnixMs() const override { return start_unix_ms_ + elapsed().count(); }

  void Advance(std::chrono::milliseconds by) { elapsed_ms_ += by.count(); }

 private:
  std::chrono::milliseconds elapsed() const {
    return std::chrono::milliseconds(elapsed_ms_.load());
  }

  const int64_t start_unix_ms_;
  std::atomic<int64_t> elapsed_ms_ = 0;
};

}  // namespace cdc
