#pragma once

#include <cstdint>
#include <string>

#include "base/mutex.h"
#include "base/status.h"
#include "model/task.h"

namespace cdc {

// What becomes of records that cannot be decoded, as the task's policy says: the first one stops
// the task, or each is left out, counted and logged. Thread-safe.
class UndecodableRecords {
 public:
  explicit UndecodableRecords(OnUndecodable policy) : policy_(policy) {}

  // Ok if reading goes on behind the record; `why` tells its channel, position and fault. Anything
  // but kDataLoss is no fault of the record and comes back as it is.
  Status Handle(const Status& why);

  struct Skipped {
    uint64_t records = 0;
    std::string last;  // why the last one was left out
  };
  Skipped skipped() const;

 private:
  const OnUndecodable policy_;
  mutable Mutex mutex_;
  Skipped skipped_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
