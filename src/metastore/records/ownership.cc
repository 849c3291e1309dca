#include "metastore/records/ownership.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include <spdlog/spdlog.h>

namespace cdc {
namespace {

constexpr int kRenewalsPerLease = 4;
constexpr std::chrono::milliseconds kRenewAgain{1'000};
// How much earlier than the server this process considers its lease as ended. What it has begun
// before must be on the target by the time another process begins.
constexpr std::chrono::seconds kMargin{2};

}  // namespace

std::chrono::nanoseconds Ownership::Now() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

void Ownership::Renewed(std::chrono::nanoseconds asked_at, std::chrono::nanoseconds ttl) {
  MutexLock lock(mutex_);
  // The server counts from when it gets the call, which is later.
  valid_until_ = asked_at + std::max<std::chrono::nanoseconds>(ttl - kMargin, ttl / 2);
  failure_ = OkStatus();
}

Status Ownership::Lose(const std::string& holder) {
  const Status lost =
      FailedPreconditionError("metastore " + place_ + " has been taken over by " + holder);
  {
    MutexLock lock(mutex_);
    if (!lost_.ok()) {
      return lost_;
    }
    lost_ = lost;
  }
  if (on_lost_) {
    on_lost_(lost);
  }
  return lost;
}

Status Ownership::Check() const {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(lost_);
  if (Now() < valid_until_) {
    return OkStatus();
  }
  return UnavailableError("metastore " + place_ + ": another server may use it, since " +
                          "the lease could not be kept: " +
                          (failure_.ok() ? "this process was not running" : failure_.message()));
}

void Ownership::Keep(std::chrono::nanoseconds ttl,
                     const std::function<Status(const std::stop_token&)>& renew,
                     const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const Status renewed = renew(stop);
    bool news = false;
    {
      MutexLock lock(mutex_);
      if (!lost_.ok() || stop.stop_requested()) {
        return;
      }
      news = !renewed.ok() && failure_ != renewed;
      if (!renewed.ok()) {
        failure_ = renewed;
      }
    }
    if (news) {
      spdlog::warn("metastore {}: the lease cannot be kept, will try again: {}", place_,
                   renewed.message());
    }
    MutexLock lock(mutex_);
    const auto pause =
        std::chrono::duration_cast<std::chrono::milliseconds>(ttl) / kRenewalsPerLease;
    wakeup_.WaitFor(lock, stop, renewed.ok() ? pause : std::min(pause, kRenewAgain),
                    [] { return false; });
  }
}

}  // namespace cdc
