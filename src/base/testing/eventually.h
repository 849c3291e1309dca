#pragma once

#include <chrono>
#include <functional>
#include <stop_token>

#include "base/thread.h"

namespace cdc {

// How long a test waits for an event that has to happen. The wait ends as soon as it does, so only
// a failing test takes this long, and a busy machine causes no failures. Below ctest's TIMEOUT.
inline constexpr std::chrono::seconds kPatience{120};

// The bound for an event that is promised at once and whose alternative is a wait of a minute or
// forever: long enough for a busy machine, short enough to tell the two apart.
inline constexpr std::chrono::seconds kSoon{20};

// Whether `condition` becomes true within `timeout`; polls it every few milliseconds.
inline bool Eventually(const std::function<bool()>& condition,
                       std::chrono::milliseconds timeout = kPatience) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    Pause(std::chrono::milliseconds(2), std::stop_token());
  }
  return true;
}

}  // namespace cdc
