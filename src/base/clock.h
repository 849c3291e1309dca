#pragma once

#include <chrono>
#include <cstdint>

namespace cdc {

// The time. Code that decides by time takes a clock, so that a test can move it. Thread-safe.
class Clock {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  virtual ~Clock() = default;

  // Monotonic: for deadlines and waits.
  virtual TimePoint Now() const = 0;
  // The wall clock in Unix milliseconds, comparable with Timestamp::UnixMs of the source. May jump.
  virtual int64_t UnixMs() const = 0;

  // The machine's clock.
  static const Clock& Real();
};

}  // namespace cdc
