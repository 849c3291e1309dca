#pragma once

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

#include "base/mutex.h"
#include "base/status.h"

namespace cdc {

// What this process knows about its lease of a store, which other servers would take over when the
// lease ends. Thread-safe.
class Ownership {
 public:
  // `place`: where the store is, for messages. `on_lost`: called once, on any thread, when another
  // process has taken the store over.
  Ownership(std::string place, std::function<void(const Status&)> on_lost)
      : place_(std::move(place)), on_lost_(std::move(on_lost)) {}

  // By a clock that goes on while the machine sleeps.
  static std::chrono::nanoseconds Now();

  // The lease has been taken or renewed by a call that began at `asked_at`.
  void Renewed(std::chrono::nanoseconds asked_at, std::chrono::nanoseconds ttl);

  // Another process has the store. Returns the error that all calls have from now on.
  Status Lose(const std::string& holder);

  // As MetaStore::CheckOwned: whether the lease has certainly not ended.
  Status Check() const;

  // Calls `renew` several times in each `ttl`, and more often while it fails, until a stop is
  // requested or the store is lost.
  void Keep(std::chrono::nanoseconds ttl,
            const std::function<Status(const std::stop_token&)>& renew,
            const std::stop_token& stop);

 private:
  const std::string place_;
  const std::function<void(const Status&)> on_lost_;
  mutable Mutex mutex_;
  CondVar wakeup_;
  std::chrono::nanoseconds valid_until_ CDC_GUARDED_BY(mutex_){};
  Status failure_ CDC_GUARDED_BY(mutex_);  // of the last attempt to renew the lease
  Status lost_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
