#pragma once

#include <chrono>
#include <thread>

namespace cdc {

// Waits for something that another thread or process does: asks `predicate` again and again until it
// holds; false if it does not within `timeout`.
template <class Predicate>
bool Eventually(Predicate predicate, std::chrono::seconds timeout = std::chrono::seconds(30)) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (!predicate()) {
    if (std::chrono::steady_clock::now() >= deadline) {
      return false;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace cdc
