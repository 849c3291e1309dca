#include "sink/testing/wait_for_pulse.h"

#include <optional>
#include <stop_token>
#include <utility>

#include "base/mutex.h"

namespace cdc {

Result<std::string> WaitForPulse(Target& target, std::chrono::milliseconds timeout) {
  // On the stack, because the callback does not touch it after the lock is released.
  struct Waiter {
    Mutex mutex;
    CondVar changed;
    std::optional<Result<std::string>> answer CDC_GUARDED_BY(mutex);
  } waiter;
  target.AskPulse(timeout, [&waiter](const Result<std::string>& identity) {
    MutexLock lock(waiter.mutex);
    waiter.answer = identity;
    waiter.changed.NotifyAll();
  });
  MutexLock lock(waiter.mutex);
  waiter.changed.Wait(lock, std::stop_token(), [&waiter] { return waiter.answer.has_value(); });
  return *std::move(waiter.answer);
}

}  // namespace cdc
