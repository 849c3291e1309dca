#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <vector>

#include "base/mutex.h"
#include "base/thread.h"

namespace cdc {

// A fixed number of threads, named `cdc-http-1` and so on, for work that may block. Work that may
// block for long gets some of them only, so that it never holds up the rest. Thread-safe.
class HandlerPool {
 public:
  struct Options {
    size_t threads = 1;
    size_t slow_threads = 1;  // how many of them may run slow work at once
    size_t slow_waiting = 0;  // how much slow work may wait for them
  };

  explicit HandlerPool(const Options& options);
  ~HandlerPool() { Stop(); }
  HandlerPool(const HandlerPool&) = delete;
  HandlerPool& operator=(const HandlerPool&) = delete;

  // Never blocks: `work` is queued until a thread is free. It must not throw.
  void Run(std::function<void()> work);
  // The same for slow work, which waits without a thread. False: too much of it waits already, and
  // `work` is dropped.
  bool RunSlow(std::function<void()> work);

  // Waits for all work, including queued work. From then on only the work itself may call Run and
  // RunSlow. Idempotent.
  void Stop();

 private:
  void Work(const std::stop_token& stop);
  bool SlowIsReady() const CDC_REQUIRES(mutex_);

  const Options options_;
  Mutex mutex_;
  CondVar wakeup_;
  std::deque<std::function<void()>> queue_ CDC_GUARDED_BY(mutex_);
  std::deque<std::function<void()>> slow_queue_ CDC_GUARDED_BY(mutex_);
  size_t slow_running_ CDC_GUARDED_BY(mutex_) = 0;
  std::vector<Thread> threads_;  // nothing may be declared after it: they use what is above
};

}  // namespace cdc
