#include "control/stop_at.h"

#include <algorithm>
#include <string>

#include "control/drain_goal.h"
#include "control/managed_task.h"

namespace cdc {
namespace {

// Milvus reserves times for three seconds.
constexpr int64_t kReservedMs = 5'000;

}  // namespace

Status CheckEnd(const TaskRecord& record,
                const std::vector<ChannelStatus>& channels,
                std::optional<Timestamp> stop_at) {
  const std::string& id = record.spec.id;
  const bool reached = record.reason.starts_with(kStoppedAt);
  if (reached && !stop_at) {
    return FailedPreconditionError(
        "the task " + record.reason +
        ": resume it with stop_at 0 (`milvus-cdc task resume --stop-at 0 " + id +
        "`) to go on without an end, or with a later one");
  }
  if (!stop_at || *stop_at == Timestamp{}) {
    return OkStatus();
  }
  Timestamp applied = reached ? record.spec.stop_at : Timestamp{};
  for (const ChannelStatus& channel : channels) {
    applied = std::max(applied, channel.checkpoint);
  }
  return *stop_at > applied
             ? OkStatus()
             : InvalidArgumentError("stop_at " + FormatHybrid(*stop_at) +
                                    " is not later than what is on the target, which is up to " +
                                    FormatHybrid(applied) +
                                    ": use a later time, or 0 to go on without an end");
}

bool HasReadToEnd(const TaskView& view) {
  const std::vector<ChannelStatus>& channels = view.status.channels;
  return !channels.empty() && std::ranges::all_of(channels, [&view](const ChannelStatus& channel) {
    return channel.resolved >= view.record.spec.stop_at;
  });
}

Timestamp CertainlyAfter(Timestamp stop_at) {
  return Timestamp::FromUnixMs(stop_at.UnixMs() + kReservedMs);
}

}  // namespace cdc
