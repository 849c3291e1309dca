#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <vector>

#include "base/mutex.h"
#include "base/thread.h"

namespace cdc {

// A fixed number of threads, named `cdc-http-1` and so on, for work that may block. Thread-safe.
class HandlerPool {
 public:
  explicit HandlerPool(size_t threads);
  ~HandlerPool() { Stop(); }
  HandlerPool(const HandlerPool&) = delete;
  HandlerPool& operator=(const HandlerPool&) = delete;

  // Never blocks: `work` is queued until a thread is free. It must not throw.
  void Run(std::function<void()> work);

  // Waits for all work, including queued work. Run must not be called any more. Idempotent.
  void Stop();

 private:
  void Work(const std::stop_token& stop);

  Mutex mutex_;
  CondVar wakeup_;
  std::deque<std::function<void()>> queue_ CDC_GUARDED_BY(mutex_);
  std::vector<Thread> threads_;  // nothing may be declared after it: they use what is above
};

}  // namespace cdc
