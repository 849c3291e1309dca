#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "model/condition.h"

namespace cdc {

// What keeps a task from moving at present, by part. Of several, Current shows the worst and
// oldest. Thread-safe.
class ConditionBoard {
 public:
  // `clock` must outlive this.
  explicit ConditionBoard(const Clock* clock = &Clock::Real()) : clock_(clock) {}

  struct View {
    Condition state = Condition::kOk;
    std::string reason;
    int64_t since_unix_ms = 0;
    int64_t attempts = 0;  // that have failed since then
    bool idle = false;     // waiting, only because there is nothing to do
  };

  // Something passing is in the way of `part` ("etcd", "write", "default.hello"); ok clears it.
  // The time of the first of a row of errors is kept.
  void Set(const std::string& part, const Status& status);

  // Something that only a change on one of the sides can mend, while the task goes on; ok clears
  // it.
  void SetWaiting(const std::string& part, const Status& status);

  // Nothing is in the way, but there is nothing to do either, for this reason; an empty one clears
  // it. Comes after all else.
  void SetIdle(const std::string& reason);

  // Final. The first call wins and returns true.
  bool Fail(const std::string& reason);

  View Current() const;

 private:
  struct Entry {
    Condition state;
    std::string reason;
    int64_t since_unix_ms;
    int64_t attempts = 0;
  };
  void SetState(const std::string& part, Condition state, const Status& status);

  View NothingInTheWay() const CDC_REQUIRES(mutex_);

  const Clock* const clock_;
  mutable Mutex mutex_;
  std::map<std::string, Entry> entries_ CDC_GUARDED_BY(mutex_);
  std::string idle_ CDC_GUARDED_BY(mutex_);
  int64_t idle_since_ CDC_GUARDED_BY(mutex_) = 0;
  std::string failure_ CDC_GUARDED_BY(mutex_);
  int64_t failed_at_ CDC_GUARDED_BY(mutex_) = 0;
};

}  // namespace cdc
