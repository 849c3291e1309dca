#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "model/condition.h"

namespace cdc {

// Holds what currently keeps a task from making progress, by part. If there are several reasons,
// Current shows the oldest of the worst. Thread-safe.
class ConditionBoard {
 public:
  // `clock` must outlive this.
  explicit ConditionBoard(const Clock* clock = &Clock::Real()) : clock_(clock) {}

  struct View {
    Condition state = Condition::kOk;
    std::string reason;
    int64_t since_unix_ms = 0;
    int64_t attempts = 0;  // failed attempts since then
    bool idle = false;     // waiting only because there is nothing to do
  };

  // Sets a transient problem of `part` ("source catalog", "write default.hello"); ok clears it.
  // `since_unix_ms` is the time of the first error in a row.
  void Set(const std::string& part, const Status& status);

  // Sets a problem that only a change on the source or the target can solve, while the task goes
  // on; ok clears it.
  void SetWaiting(const std::string& part, const Status& status);

  // Sets the reason why there is nothing to do; an empty one clears it. It is shown only if there
  // is no problem.
  void SetIdle(const std::string& reason);

  // Sets the final failure. The first call wins and returns true.
  bool Fail(const std::string& reason);

  View Current() const;

  // How often any part has met a transient problem, and the failure.
  uint64_t errors() const;

 private:
  struct Entry {
    Condition state;
    std::string reason;
    int64_t since_unix_ms;
    int64_t attempts = 0;
  };
  void SetState(const std::string& part, Condition state, const Status& status);

  View IdleView() const CDC_REQUIRES(mutex_);

  const Clock* const clock_;
  mutable Mutex mutex_;
  std::map<std::string, Entry> entries_ CDC_GUARDED_BY(mutex_);
  uint64_t errors_ CDC_GUARDED_BY(mutex_) = 0;
  std::string idle_ CDC_GUARDED_BY(mutex_);
  int64_t idle_since_ CDC_GUARDED_BY(mutex_) = 0;
  std::string failure_ CDC_GUARDED_BY(mutex_);
  int64_t failed_at_ CDC_GUARDED_BY(mutex_) = 0;
};

}  // namespace cdc
