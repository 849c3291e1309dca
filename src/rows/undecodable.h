#pragma once

#include <cstdint>
#include <string>

#include "base/mutex.h"
#include "base/status.h"
#include "model/task.h"

namespace cdc {

// Applies the task's policy to records that cannot be decoded: the first one stops the task, or
// each is skipped, counted and logged. Thread-safe.
class UndecodableRecords {
 public:
  explicit UndecodableRecords(OnUndecodable policy) : policy_(policy) {}

  // Returns ok if reading goes on after the record. `why` names its channel, position and fault;
  // any code but kDataLoss is not the record's fault and is returned unchanged.
  Status Handle(const Status& why);

  struct Skipped {
    uint64_t records = 0;
    std::string last;  // why the last one was skipped
  };
  Skipped skipped() const;

 private:
  const OnUndecodable policy_;
  mutable Mutex mutex_;
  Skipped skipped_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
