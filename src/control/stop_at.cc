#include "control/stop_at.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>

#include "control/drain_goal.h"
#include "control/managed_task.h"

namespace cdc {
namespace {

// Milvus reserves times for three seconds.
constexpr int64_t kReservedMs = 5'000;

std::string ResumeWithoutEnd(const std::string& id) {
  return "`milvus-cdc task resume --stop-at 0 " + id + "`";
}

}  // namespace

Status CheckPoliciesWithEnd(const TaskSpec& spec) {
  return spec.on_expired != OnExpired::kSnapshot
             ? OkStatus()
             : InvalidArgumentError(
                   "a copy of stored rows would bring rows that are later than stop_at: use "
                   "on_expired stop");
}

Status CheckEndReached(const TaskRecord& record, std::optional<Timestamp> stop_at) {
  return stop_at || !record.reason.starts_with(kStoppedAt)
             ? OkStatus()
             : FailedPreconditionError("the task " + record.reason +
                                       ": resume it with stop_at 0 (" +
                                       ResumeWithoutEnd(record.spec.id) +
                                       ") to go on without an end, or with a later one");
}

Status CheckEnd(const TaskSpec& spec,
                Timestamp stop_at,
                std::optional<Timestamp> present,
                const std::vector<SnapshotProgress>& copies) {
  if (stop_at == Timestamp{}) {
    return OkStatus();
  }
  CDC_RETURN_IF_ERROR(CheckPoliciesWithEnd(spec));
  if (!std::ranges::all_of(copies, &SnapshotProgress::done)) {
    return FailedPreconditionError(
        "stored rows are still to be copied, and a copy may bring rows that are later than "
        "stop_at: resume the task with stop_at 0 (" +
        ResumeWithoutEnd(spec.id) + "), and give it an end once the copy is done");
  }
  return !present || stop_at > *present
             ? OkStatus()
             : InvalidArgumentError(
                   "stop_at " + FormatHybrid(stop_at) +
                   " is not later than the present of the source, " + FormatHybrid(*present) +
                   ", and the target may have later rows: use a later time, or 0 to go on without "
                   "an end; for a time in the past, create a new task");
}

bool HasReadToEnd(const TaskView& view) {
  const std::vector<ChannelStatus>& channels = view.status.channels;
  return !channels.empty() && std::ranges::all_of(channels, [&view](const ChannelStatus& channel) {
    return channel.resolved >= view.record.spec.stop_at;
  });
}

Timestamp CertainlyAfter(Timestamp stop_at) {
  constexpr Timestamp kLast{std::numeric_limits<uint64_t>::max()};
  return stop_at.UnixMs() > kLast.UnixMs() - kReservedMs
             ? kLast
             : Timestamp::FromUnixMs(stop_at.UnixMs() + kReservedMs);
}

}  // namespace cdc
