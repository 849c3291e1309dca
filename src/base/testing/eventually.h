#pragma once

#include <chrono>
#include <functional>
#include <stop_token>

#include "base/thread.h"

namespace cdc {

// Whether `condition` becomes true within `timeout`; looks every few milliseconds.
inline bool Eventually(const std::function<bool()>& condition,
                       std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
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
