#pragma once

#include <chrono>
#include <functional>
#include <stop_token>

#include "base/thread.h"

namespace cdc {

// How long a test waits for what has to happen. Waiting ends as soon as it happens, so only a
// failure takes this long, and a busy machine makes no failures. Below the TIMEOUT of ctest.
inline constexpr std::chrono::seconds kPatience{120};

// How long something may take that a promise bounds to an instant, if the alternative is a wait of
// a minute or for good: between the two there is no doubt, even on a busy machine.
inline constexpr std::chrono::seconds kSoon{20};

// Whether `condition` becomes true within `timeout`; looks every few milliseconds.
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
