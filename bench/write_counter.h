#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/mutex.h"

namespace grpc {
class ByteBuffer;
}

namespace cdc {

// num_rows of an InsertRequest or UpsertRequest, found without a copy of its bytes and without
// looking at the columns. 0: not set, or not such a message.
uint64_t NumRows(const grpc::ByteBuffer& request);

// Counts write requests. Thread-safe.
class WriteCounter {
 public:
  void Add(uint64_t rows, uint64_t bytes);
  void Reset();

  // {"rows": …, "bytes": …, "requests": …, "seconds": …}: the time is that from the first request
  // to the last.
  std::string Json() const;

 private:
  using Clock = std::chrono::steady_clock;

  mutable Mutex mutex_;
  uint64_t rows_ CDC_GUARDED_BY(mutex_) = 0;
  uint64_t bytes_ CDC_GUARDED_BY(mutex_) = 0;
  uint64_t requests_ CDC_GUARDED_BY(mutex_) = 0;
  Clock::time_point first_ CDC_GUARDED_BY(mutex_);
  Clock::time_point last_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
