#pragma once

#include <chrono>
#include <stop_token>

#include "base/mutex.h"

namespace cdc {

// Wakes one thread that waits for news from several others. Thread-safe.
class Wakeup {
 public:
  void Signal();
  // Clears earlier signals. Check afterwards for what they announced.
  void Reset();
  // Waits for a signal since the last Reset, for at most `timeout`, or until `stop`.
  void Wait(std::chrono::milliseconds timeout, const std::stop_token& stop);

 private:
  Mutex mutex_;
  CondVar signal_;
  bool signaled_ CDC_GUARDED_BY(mutex_) = false;
};

}  // namespace cdc
