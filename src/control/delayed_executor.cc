#include "control/delayed_executor.h"

#include <stop_token>

namespace cdc {

DelayedExecutor::DelayedExecutor(const std::string& name, int threads, const Clock* clock)
    : clock_(clock) {
  threads_.reserve(static_cast<size_t>(threads));
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back(name + "-" + std::to_string(i),
                          [this](const std::stop_token& stop) { Loop(stop); });
  }
}

void DelayedExecutor::Run(std::chrono::milliseconds delay, std::function<void()> job) {
  MutexLock lock(mutex_);
  if (stopped_) {
    return;
  }
  jobs_.emplace(std::pair(clock_->Now() + delay, next_number_++), std::move(job));
  changed_.NotifyOne();
}

void DelayedExecutor::Stop() {
  std::map<std::pair<Clock::TimePoint, uint64_t>, std::function<void()>> dropped;
  {
    MutexLock lock(mutex_);
    stopped_ = true;
    dropped.swap(jobs_);  // destroyed without the lock
  }
  for (Thread& thread : threads_) {
    thread.RequestStop();
  }
  for (Thread& thread : threads_) {
    thread.Join();
  }
}

void DelayedExecutor::Loop(const std::stop_token& stop) {
  constexpr std::chrono::milliseconds kIdle{60'000};
  for (;;) {
    std::function<void()> job;
    {
      MutexLock lock(mutex_);
      const auto due = [this] {
        return !jobs_.empty() && jobs_.begin()->first.first <= clock_->Now();
      };
      while (!due()) {
        if (stop.stop_requested()) {
          return;
        }
        auto wait = kIdle;
        if (!jobs_.empty()) {
          const auto left = jobs_.begin()->first.first - clock_->Now();
          wait = std::chrono::duration_cast<std::chrono::milliseconds>(left) +
                 std::chrono::milliseconds(1);
        }
        const uint64_t seen = next_number_;
        changed_.WaitFor(lock, stop, wait,
                         [this, seen, &due] { return next_number_ != seen || due(); });
      }
      job = std::move(jobs_.begin()->second);
      jobs_.erase(jobs_.begin());
      if (!jobs_.empty()) {
        changed_.NotifyOne();  // another thread must watch the next job's time
      }
    }
    job();
  }
}

}  // namespace cdc
