#include "model/message_log.h"

#include <algorithm>

namespace cdc {
namespace {

constexpr int64_t kFirstMessages = 5;
constexpr std::chrono::minutes kFirstDuration{5};
// Longer than any process lives, and far from an overflow of the clock.
constexpr std::chrono::minutes kLongest = std::chrono::hours(24 * 365 * 10);

}  // namespace

MessageLog::MessageLog(const Clock* clock)
    : clock_(clock), left_(kFirstMessages), until_(clock->Now() + kFirstDuration) {}

bool MessageLog::Count() {
  MutexLock lock(mutex_);
  if (forced_) {
    return true;
  }
  if (left_ > 0 && clock_->Now() < until_) {
    --left_;
    return true;
  }
  on_.store(false, std::memory_order_relaxed);
  return false;
}

void MessageLog::Force(bool force) {
  MutexLock lock(mutex_);
  forced_ = force;
  left_ = force ? left_ : 0;
  // If nothing is left, the next message switches it off again.
  on_.store(true, std::memory_order_relaxed);
}

void MessageLog::Reset(int64_t messages, std::chrono::minutes duration) {
  MutexLock lock(mutex_);
  left_ = messages;
  until_ = clock_->Now() + std::clamp(duration, std::chrono::minutes(0), kLongest);
  on_.store(true, std::memory_order_relaxed);
}

MessageLog& MessageLog::OfProcess() {
  static MessageLog log;
  return log;
}

}  // namespace cdc
