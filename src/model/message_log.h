#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "base/mutex.h"

namespace cdc {

// Which messages are shown in the log, with some of their values: the first few after the start of
// the process, those after a Reset, or all. Thread-safe.
class MessageLog {
 public:
  // The first 5 within 5 minutes.
  explicit MessageLog(const Clock* clock = &Clock::Real());

  // Whether the next message is to be shown; counts it. While no message is, this is one load.
  bool Take() { return on_.load(std::memory_order_relaxed) && Count(); }

  // Shows every message from now on, or no longer.
  void Force(bool force);
  // Shows the next `messages` within `duration`, also after earlier ones are used up.
  void Reset(int64_t messages, std::chrono::minutes duration);

  // That of all tasks, like the level of the log.
  static MessageLog& OfProcess();

 private:
  bool Count();

  const Clock* const clock_;
  std::atomic<bool> on_{true};
  Mutex mutex_;
  bool forced_ CDC_GUARDED_BY(mutex_) = false;
  int64_t left_ CDC_GUARDED_BY(mutex_);
  Clock::TimePoint until_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
