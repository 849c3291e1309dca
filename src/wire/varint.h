#pragma once

#include <cstddef>
#include <cstdint>

// Numbers in base 128, the lowest seven bits first; every byte but the last has its high bit set.
namespace cdc::wire {

constexpr size_t kMaxVarintBytes = 10;

// Reads the number at `at` and returns its end. nullptr: it is cut off by `end`, or longer than
// kMaxVarintBytes. Bits beyond 64 are dropped, as in protobuf.
inline const char* ReadVarint(const char* at, const char* end, uint64_t* value) {
  // Kept small, because it is inlined into loops over millions of numbers.
  constexpr size_t kBits = 7 * kMaxVarintBytes;
  uint64_t result = 0;
  for (size_t shift = 0; shift < kBits && at != end; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at++);
    result |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      *value = result;
      return at;
    }
  }
  return nullptr;
}

}  // namespace cdc::wire
