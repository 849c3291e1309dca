#include "write_counter.h"

#include <algorithm>
#include <string>
#include <vector>

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>
#include <nlohmann/json.hpp>

#include "wire/varint.h"
#include "wire/wire_type.h"

namespace cdc {
namespace {

constexpr uint64_t kNumRowsField = 7;

// Walks over the bytes of several slices.
class SliceReader {
 public:
  explicit SliceReader(const std::vector<grpc::Slice>& slices) : slices_(slices) {}

  bool Varint(uint64_t* value) {
    // A number may lie across slices.
    std::string bytes;
    size_t at = at_;
    for (size_t i = slice_; i < slices_.size() && bytes.size() < wire::kMaxVarintBytes; ++i) {
      const size_t size = std::min(slices_[i].size() - at, wire::kMaxVarintBytes - bytes.size());
      bytes.append(reinterpret_cast<const char*>(slices_[i].begin()) + at, size);
      at = 0;
    }
    const char* const behind = wire::ReadVarint(bytes.data(), bytes.data() + bytes.size(), value);
    return behind != nullptr && Skip(static_cast<uint64_t>(behind - bytes.data()));
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
    const auto type = static_cast<WireType>(tag & 7);
    const bool is_bytes = type == WireType::kBytes;
    const bool is_number = type == WireType::kVarint;
    if ((!is_bytes && !is_number) || !reader.Varint(&value) || (is_bytes && !reader.Skip(value))) {
      return 0;
    }
    if (tag >> 3 == kNumRowsField && is_number) {
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
