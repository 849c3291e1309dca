#include "progress/send_horizon.h"

#include <algorithm>
#include <utility>

namespace cdc {
namespace {

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

Timestamp SendHorizon::RaisedLocked(const Channel& channel, Timestamp resolved) const {
  const Timestamp from = std::max(resolved, channel.newest);
  const int64_t lead = options_.lead.count();
  const int64_t moved =
      channel.raised_at == Timestamp{} ? 0 : channel.newest.UnixMs() - channel.raised_at.UnixMs();
  // In a catch-up, a second of our time holds many seconds of the source's: a fixed lead would need
  // many saves per second. `moved` measures the speed.
  const int64_t behind = std::max<int64_t>(options_.clock->UnixMs() - from.UnixMs(), 0);
  const int64_t ahead = std::max(lead, std::min(2 * moved, behind + lead));
  // While the rows seen so far leave half of the lead free, no new horizon is needed. So an idle
  // channel gets none.
  return After(channel.newest, ahead / 2) > channel.next ? After(from, ahead) : channel.next;
}

Timestamp SendHorizon::Next(const std::string& channel, Timestamp resolved) {
  MutexLock lock(mutex_);
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
