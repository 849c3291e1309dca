#include "write_counter.h"

#include <algorithm>
#include <vector>

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>
#include <nlohmann/json.hpp>

namespace cdc {
namespace {

constexpr uint64_t kNumRowsTag = 7 << 3;

// Walks over the bytes of several slices.
class SliceReader {
 public:
  explicit SliceReader(const std::vector<grpc::Slice>& slices) : slices_(slices) {}

  bool Varint(uint64_t* value) {
    uint64_t result = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (!Settle()) {
        return false;
      }
      const uint8_t byte = slices_[slice_].begin()[at_++];
      result |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) {
        *value = result;
        return true;
      }
    }
    return false;
  }

  bool Skip(uint64_t size) {
    while (size > 0) {
      if (!Settle()) {
        return false;
      }
      const uint64_t here = std::min<uint64_t>(size, slices_[slice_].size() - at_);
      at_ += here;
      size -= here;
    }
    return true;
  }

 private:
  // Goes to the next slice at the end of one.
  bool Settle() {
    while (slice_ < slices_.size() && at_ == slices_[slice_].size()) {
      ++slice_;
      at_ = 0;
    }
    return slice_ < slices_.size();
  }

  const std::vector<grpc::Slice>& slices_;
  size_t slice_ = 0;
  size_t at_ = 0;
};

}  // namespace

uint64_t NumRows(const grpc::ByteBuffer& request) {
  std::vector<grpc::Slice> slices;
  if (!request.Dump(&slices).ok()) {
    return 0;
  }
  SliceReader reader(slices);
  uint64_t rows = 0;
  uint64_t tag = 0;
  while (reader.Varint(&tag)) {
    uint64_t value = 0;  // of a number, or the length of bytes
    const bool is_bytes = (tag & 7) == 2;
    const bool is_number = (tag & 7) == 0;
    if ((!is_bytes && !is_number) || !reader.Varint(&value) || (is_bytes && !reader.Skip(value))) {
      return 0;
    }
    if (tag == kNumRowsTag) {
      rows = value;
    }
  }
  return rows;
}

void WriteCounter::Add(uint64_t rows, uint64_t bytes) {
  MutexLock lock(mutex_);
  last_ = Clock::now();
  if (requests_ == 0) {
    first_ = last_;
  }
  rows_ += rows;
  bytes_ += bytes;
  ++requests_;
}

void WriteCounter::Reset() {
  MutexLock lock(mutex_);
  rows_ = bytes_ = requests_ = 0;
}

std::string WriteCounter::Json() const {
  MutexLock lock(mutex_);
  const double seconds = std::chrono::duration<double>(last_ - first_).count();
  return nlohmann::json{{"rows", rows_},
                        {"bytes", bytes_},
                        {"requests", requests_},
                        {"seconds", requests_ > 1 ? seconds : 0.0}}
      .dump();
}

}  // namespace cdc
