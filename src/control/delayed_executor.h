#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/thread.h"

namespace cdc {

// Runs jobs on its own threads, none before its time and due ones in order of their times.
// Thread-safe; a job may add jobs.
class DelayedExecutor {
 public:
  // `clock` must outlive it. It decides what is due; the wait for that is the machine's, so a test
  // that moves the clock adds a job to have it looked at.
  DelayedExecutor(const std::string& name, int threads, const Clock* clock);
  DelayedExecutor(const DelayedExecutor&) = delete;
  DelayedExecutor& operator=(const DelayedExecutor&) = delete;
  ~DelayedExecutor() { Stop(); }

  // Runs `job` after `delay`. After Stop, jobs are dropped.
  void Run(std::chrono::milliseconds delay, std::function<void()> job);

  // Drops jobs that have not begun and waits for the others. Idempotent. Not callable from a job.
  void Stop();

 private:
  void Loop(const std::stop_token& stop);

  const Clock* const clock_;
  Mutex mutex_;
  CondVar changed_;
  uint64_t next_number_ CDC_GUARDED_BY(mutex_) = 0;
  std::map<std::pair<Clock::TimePoint, uint64_t>, std::function<void()>> jobs_
      CDC_GUARDED_BY(mutex_);
  bool stopped_ CDC_GUARDED_BY(mutex_) = false;
  std::vector<Thread> threads_;  // nothing may be declared after it: they use what is above
};

}  // namespace cdc
