#include "snapshot/recent_rate.h"

#include <algorithm>
#include <chrono>

namespace cdc {
namespace {

using std::chrono::seconds;

constexpr seconds kPeriod{10};
constexpr seconds kSum{1};

}  // namespace

void RecentRate::Begin(Clock::TimePoint now) {
  begun_ = now;
  sums_.clear();
}

void RecentRate::Add(int64_t rows, int64_t bytes, Clock::TimePoint now) {
  if (sums_.empty() || now >= sums_.back().since + kSum) {
    sums_.push_back({.since = now});
  }
  sums_.back().rows += rows;
  sums_.back().bytes += bytes;
  while (sums_.front().since + kPeriod <= now) {
    sums_.pop_front();
  }
}

RecentRate::Rate RecentRate::At(Clock::TimePoint now) const {
  int64_t rows = 0;
  int64_t bytes = 0;
  for (const Sum& sum : sums_) {
    if (sum.since + kPeriod > now) {
      rows += sum.rows;
      bytes += sum.bytes;
    }
  }
  // The first moments say little: they count as a second.
  const std::chrono::duration<double> period =
      std::clamp<Clock::TimePoint::duration>(now - begun_, kSum, kPeriod);
  return {.rows = static_cast<double>(rows) / period.count(),
          .bytes = static_cast<double>(bytes) / period.count()};
}

}  // namespace cdc
