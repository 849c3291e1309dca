#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/thread.h"

namespace cdc {

// Runs jobs on its own threads, none before its time and due ones in order of their times.
// Thread-safe; a job may add jobs.
class DelayedExecutor {
 public:
  DelayedExecutor(const std::string& name, int threads);
  DelayedExecutor(const DelayedExecutor&) = delete;
  DelayedExecutor& operator=(const DelayedExecutor&) = delete;
  ~DelayedExecutor() { Stop(); }

  // Runs `job` after `delay`. After Stop, jobs are dropped.
  void Run(std::chrono::milliseconds delay, std::function<void()> job);

  // Drops jobs that have not begun and waits for the others. Idempotent. Not callable from a job.
  void Stop();

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  void Loop(const std::stop_token& stop);

  Mutex mutex_;
  CondVar changed_;
  uint64_t next_number_ CDC_GUARDED_BY(mutex_) = 0;
  std::map<std::pair<TimePoint, uint64_t>, std::function<void()>> jobs_ CDC_GUARDED_BY(mutex_);
  bool stopped_ CDC_GUARDED_BY(mutex_) = false;
  std::vector<Thread> threads_;  // nothing may be declared after it: they use what is above
};

}  // namespace cdc
