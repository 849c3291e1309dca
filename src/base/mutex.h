#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

// Clang's thread-safety analysis reads these; g++ ignores them.
#if defined(__clang__)
#define CDC_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define CDC_THREAD_ATTRIBUTE(x)
#endif
#define CDC_GUARDED_BY(x) CDC_THREAD_ATTRIBUTE(guarded_by(x))
#define CDC_REQUIRES(...) CDC_THREAD_ATTRIBUTE(requires_capability(__VA_ARGS__))
#define CDC_EXCLUDES(...) CDC_THREAD_ATTRIBUTE(locks_excluded(__VA_ARGS__))

namespace cdc {

class CDC_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() CDC_THREAD_ATTRIBUTE(acquire_capability()) { mutex_.lock(); }
  void Unlock() CDC_THREAD_ATTRIBUTE(release_capability()) { mutex_.unlock(); }

 private:
  friend class MutexLock;
  std::mutex mutex_;
};

// Holds a Mutex for a scope.
class CDC_THREAD_ATTRIBUTE(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) CDC_THREAD_ATTRIBUTE(acquire_capability(mutex))
      : lock_(mutex.mutex_) {}
  ~MutexLock() CDC_THREAD_ATTRIBUTE(release_capability()) = default;
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  friend class CondVar;
  std::unique_lock<std::mutex> lock_;
};

// A condition variable that only offers waits which end by a stop token or a deadline.
class CondVar {
 public:
  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

  // Waits until `predicate` holds or a stop is requested; false if it was stopped first.
  template <class Predicate>
  bool Wait(MutexLock& lock, const std::stop_token& stop, Predicate predicate) {
    return condition_.wait(lock.lock_, stop, std::move(predicate));
  }

  // As above, but waits at most `timeout`; returns the predicate's last value.
  template <class Predicate>
  bool WaitFor(MutexLock& lock,
               const std::stop_token& stop,
               std::chrono::milliseconds timeout,
               Predicate predicate) {
    return condition_.wait_for(lock.lock_, stop, timeout, std::move(predicate));
  }

 private:
  std::condition_variable_any condition_;
};

}  // namespace cdc
