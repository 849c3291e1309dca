#include "progress/send_horizon.h"

#include <algorithm>
#include <utility>

namespace cdc {
namespace {

using std::chrono::milliseconds;

// From here on even a single row notices that it waits for a save.
constexpr milliseconds kSlowSave{500};
// An idle task saves that often.
constexpr milliseconds kIdleSave{10'000};
// A process that was suspended during a save says nothing about the next one.
constexpr milliseconds kLongestSave{30'000};

Timestamp After(Timestamp time, int64_t ms) {
  return Timestamp{time.value + Timestamp::FromUnixMs(ms).value};
}

}  // namespace

SendHorizon::SendHorizon(Options options, std::function<void()> on_wanted)
    : options_(std::move(options)), on_wanted_(std::move(on_wanted)) {}

void SendHorizon::Load(const std::string& channel, Timestamp durable) {
  MutexLock lock(mutex_);
  Channel& known = channels_[channel];
  known.durable = durable;
  known.next = durable;
}

Timestamp SendHorizon::Reach(const std::string& channel, Timestamp newest) {
  Timestamp reach;
  {
    MutexLock lock(mutex_);
    Channel& known = channels_[channel];
    known.newest = std::max(known.newest, newest);
    // Only what is durable counts. If the process died after sending beyond it, a restart would
    // take the rows for new ones and double them.
    reach = known.durable;
    if (newest <= reach || std::exchange(wanted_, true)) {
      return reach;
    }
  }
  // Not under the lock, and only once until a save succeeds: every waiting lane comes here.
  on_wanted_();
  return reach;
}

bool SendHorizon::wanted() const {
  MutexLock lock(mutex_);
  return wanted_;
}

bool SendHorizon::IsSlowLocked() const { return save_time_ >= kSlowSave; }

// A row may come just after a save has begun, and then the next one has to be done before the
// horizon is reached, while half of the lead is free.
int64_t SendHorizon::LeadMsLocked() const {
  const milliseconds idle = IsSlowLocked() ? kIdleSave : milliseconds(0);
  return (options_.lead + 4 * save_time_ + idle).count();
}

Timestamp SendHorizon::RaisedLocked(const Channel& channel, Timestamp resolved) const {
  const Timestamp from = std::max(resolved, channel.newest);
  const int64_t lead = LeadMsLocked();
  const int64_t moved =
      channel.raised_at == Timestamp{} ? 0 : channel.newest.UnixMs() - channel.raised_at.UnixMs();
  // In a catch-up, a second of our time holds many seconds of the source's: a fixed lead would need
  // many saves per second. `moved` measures the speed.
  const int64_t behind = std::max<int64_t>(options_.clock->UnixMs() - from.UnixMs(), 0);
  const int64_t ahead = std::max(lead, std::min(2 * moved, behind + lead));
  // While the rows seen so far leave half of the lead free, no new horizon is needed. So an idle
  // channel gets none, unless its next row would have to wait for long.
  if (IsSlowLocked()) {
    return After(from, ahead);
  }
  return After(channel.newest, ahead / 2) > channel.next ? After(from, ahead) : channel.next;
}

Timestamp SendHorizon::Next(const std::string& channel, Timestamp resolved) {
  MutexLock lock(mutex_);
  if (!save_began_.has_value()) {
    save_began_ = options_.clock->Now();
  }
  Channel& known = channels_[channel];
  if (known.newest != Timestamp{}) {
    const Timestamp raised = RaisedLocked(known, resolved);
    if (raised > known.next) {
      known.next = raised;
      known.raised_at = known.newest;
    }
  }
  known.saving = true;
  return known.next;
}

bool SendHorizon::OnSaved(bool ok) {
  MutexLock lock(mutex_);
  if (save_began_.has_value() && ok) {
    const auto took =
        std::chrono::duration_cast<milliseconds>(options_.clock->Now() - *save_began_);
    // One quick save among slow ones changes little.
    save_time_ = std::max(std::min(took, kLongestSave), save_time_ * 3 / 4);
  }
  save_began_.reset();
  for (auto& [name, channel] : channels_) {
    if (std::exchange(channel.saving, false) && ok) {
      channel.durable = channel.next;
    }
  }
  // After a failure rows keep waiting without another call of on_wanted_: the saver tries again by
  // itself.
  return ok && std::exchange(wanted_, false);
}

void SendHorizon::OnNothingToSave() {
  MutexLock lock(mutex_);
  save_began_.reset();
  for (auto& [name, channel] : channels_) {
    channel.saving = false;
  }
}

Timestamp SendHorizon::Durable(const std::string& channel) const {
  MutexLock lock(mutex_);
  const auto found = channels_.find(channel);
  return found == channels_.end() ? Timestamp{} : found->second.durable;
}

}  // namespace cdc
