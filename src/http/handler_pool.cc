#include "http/handler_pool.h"

#include <string>
#include <utility>

namespace cdc {

HandlerPool::HandlerPool(const Options& options) : options_(options) {
  threads_.reserve(options_.threads);
  for (size_t i = 1; i <= options_.threads; ++i) {
    threads_.emplace_back("cdc-http-" + std::to_string(i),
                          [this](const std::stop_token& stop) { Work(stop); });
  }
}

void HandlerPool::Run(std::function<void()> work) {
  MutexLock lock(mutex_);
  queue_.push_back(std::move(work));
  wakeup_.NotifyOne();
}

bool HandlerPool::RunSlow(std::function<void()> work) {
  MutexLock lock(mutex_);
  if (slow_running_ + slow_queue_.size() >= options_.slow_threads + options_.slow_waiting) {
    return false;
  }
  slow_queue_.push_back(std::move(work));
  wakeup_.NotifyOne();
  return true;
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

bool HandlerPool::SlowIsReady() const {
  return !slow_queue_.empty() && slow_running_ < options_.slow_threads;
}

void HandlerPool::Work(const std::stop_token& stop) {
  for (;;) {
    std::function<void()> work;
    bool slow = false;
    {
      MutexLock lock(mutex_);
      wakeup_.Wait(lock, stop, [this] { return !queue_.empty() || SlowIsReady(); });
      if (queue_.empty() && !SlowIsReady()) {
        return;  // stopped; slow work that still waits is left to the threads that run some
      }
      slow = queue_.empty();
      std::deque<std::function<void()>>& from = slow ? slow_queue_ : queue_;
      work = std::move(from.front());
      from.pop_front();
      slow_running_ += slow ? 1 : 0;
    }
    work();
    if (slow) {
      MutexLock lock(mutex_);
      --slow_running_;
      wakeup_.NotifyOne();  // this thread may find other work first
    }
  }
}

}  // namespace cdc
