#include "base/wakeup.h"

namespace cdc {

void Wakeup::Signal() {
  MutexLock lock(mutex_);
  signaled_ = true;
  signal_.NotifyAll();
}

void Wakeup::Reset() {
  MutexLock lock(mutex_);
  signaled_ = false;
}

void Wakeup::Wait(std::chrono::milliseconds timeout, const std::stop_token& stop) {
  MutexLock lock(mutex_);
  signal_.WaitFor(lock, stop, timeout, [this] { return signaled_; });
}

}  // namespace cdc
