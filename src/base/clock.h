#pragma once

#include <chrono>
#include <cstdint>

namespace cdc {

// The wall clock, in Unix milliseconds: comparable with Timestamp::UnixMs of the source.
inline int64_t NowUnixMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace cdc
