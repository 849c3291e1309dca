#include "http/handler_pool.h"

#include <string>
#include <utility>

namespace cdc {

HandlerPool::HandlerPool(size_t threads) {
  threads_.reserve(threads);
  for (size_t i = 1; i <= threads; ++i) {
    threads_.emplace_back("cdc-http-" + std::to_string(i),
                          [this](const std::stop_token& stop) { Work(stop); });
  }
}

void HandlerPool::Run(std::function<void()> work) {
  MutexLock lock(mutex_);
  queue_.push_back(std::move(work));
  wakeup_.NotifyOne();
}

void HandlerPool::Stop() {
  // Ask all of them first, so that they finish in parallel.
  for (Thread& thread : threads_) {
    thread.RequestStop();
  }
  for (Thread& thread : threads_) {
    thread.Join();
  }
}

void HandlerPool::Work(const std::stop_token& stop) {
  for (;;) {
    std::function<void()> work;
    {
      MutexLock lock(mutex_);
      wakeup_.Wait(lock, stop, [this] { return !queue_.empty(); });
      if (queue_.empty()) {
        return;  // stopped, and no work is left
      }
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

}  // namespace cdc
