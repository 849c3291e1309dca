#include "reconcile/wake_ups.h"

#include <utility>

namespace cdc {

void WakeUps::All() {
  MutexLock lock(mutex_);
  reasons_.all = true;
  changed_.NotifyAll();
}

void WakeUps::Reinspect() {
  MutexLock lock(mutex_);
  reasons_.reinspect = true;
  reasons_.all = true;
  changed_.NotifyAll();
}

void WakeUps::Progress() {
  MutexLock lock(mutex_);
  // Called after every acknowledgement, so only the first one of a round wakes the thread.
  if (awaits_progress_ && !std::exchange(reasons_.progress, true)) {
    changed_.NotifyAll();
  }
}

void WakeUps::NewWaiter() {
  MutexLock lock(mutex_);
  reasons_.progress = true;
  changed_.NotifyAll();
}

void WakeUps::Wait(const std::stop_token& stop, std::chrono::milliseconds timeout) {
  MutexLock lock(mutex_);
  // Reinspect sets `all` too.
  changed_.WaitFor(lock, stop, timeout, [this] { return reasons_.all || reasons_.progress; });
}

WakeUps::Reasons WakeUps::Take() {
  MutexLock lock(mutex_);
  awaits_progress_ = true;  // rows acknowledged during the round might otherwise be missed
  return std::exchange(reasons_, {});
}

void WakeUps::AwaitProgress(bool progress) {
  MutexLock lock(mutex_);
  awaits_progress_ = progress;
}

}  // namespace cdc
