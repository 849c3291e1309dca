#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"

namespace cdc {

// What at present keeps a task from moving, by part. Thread-safe.
class ConditionBoard {
 public:
  struct Condition {
    std::string state = "ok";  // ok, retrying, waiting, failed
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

  Condition Current() const;
  bool failed() const;

 private:
  struct Entry {
    std::string state;
    std::string reason;
    int64_t since_unix_ms;
    int64_t attempts = 0;
  };
  void SetState(const std::string& part, const std::string& state, const Status& status);

  Condition NothingInTheWay() const CDC_REQUIRES(mutex_);

  mutable Mutex mutex_;
  std::map<std::string, Entry> entries_ CDC_GUARDED_BY(mutex_);
  std::string idle_ CDC_GUARDED_BY(mutex_);
  int64_t idle_since_ CDC_GUARDED_BY(mutex_) = 0;
  std::string failure_ CDC_GUARDED_BY(mutex_);
  int64_t failed_at_ CDC_GUARDED_BY(mutex_) = 0;
};

}  // namespace cdc
