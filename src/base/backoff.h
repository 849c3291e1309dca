#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace cdc {

struct BackoffOptions {
  std::chrono::milliseconds initial{100};
  std::chrono::milliseconds max{10'000};
};

// Doubling delays with jitter: each is between half and all of initial * 2^n, and at most `max`.
// The jitter keeps clients that failed together from retrying together. Not thread-safe.
class Backoff {
 public:
  explicit Backoff(BackoffOptions options, uint64_t seed = std::random_device{}())
      : options_(options), next_(options.initial), random_(seed) {}

  std::chrono::milliseconds Next() {
    const auto full = std::min(next_, options_.max);
    next_ = std::min(full * 2, options_.max);
    std::uniform_int_distribution<int64_t> jitter(full.count() / 2, full.count());
    ++attempts_;
    return std::chrono::milliseconds(jitter(random_));
  }

  void Reset() {
    next_ = options_.initial;
    attempts_ = 0;
  }

  int attempts() const { return attempts_; }

 private:
  BackoffOptions options_;
  std::chrono::milliseconds next_;
  std::minstd_rand random_;
  int attempts_ = 0;
};

}  // namespace cdc
