#include "control/drain_goal.h"

#include <algorithm>

#include "base/time_text.h"
#include "control/managed_task.h"
#include "model/condition.h"

namespace cdc {
namespace {

// A running source gives a tick about every 200 ms.
constexpr int64_t kStalledMs = 15'000;

// The oldest checkpoint of all channels; 0 if one has none yet, or without channels.
Timestamp OldestCheckpoint(const TaskView& view) {
  Timestamp oldest;
  for (size_t i = 0; i < view.status.channels.size(); ++i) {
    const Timestamp each = view.status.channels[i].checkpoint;
    oldest = i == 0 ? each : std::min(oldest, each);
  }
  return oldest;
}

std::string OnTheTarget(const TaskView& view) {
  return "on the target is everything up to " + FormatHybrid(OldestCheckpoint(view));
}

std::string FormatReached(Timestamp ts) {
  return ts.value == 0 ? "nothing yet" : FormatTime(ts.UnixMs());
}

std::string AfterColon(const std::string& text) { return text.empty() ? "" : ": " + text; }

void AppendPending(const CatalogProgress& catalog, std::vector<std::string>* missing) {
  std::string names;
  for (const std::string& name : catalog.pending) {
    names += (names.empty() ? "" : ", ") + name;
  }
  missing->push_back("changes of the source's catalog are under way" + AfterColon(names));
}

void AppendCheckpoint(const ChannelStatus& channel,
                      Timestamp goal,
                      std::vector<std::string>* missing) {
  if (channel.checkpoint < goal) {
    missing->push_back("channel " + channel.channel + " is on the target up to " +
                       FormatReached(channel.checkpoint) + ", not to " + FormatTime(goal.UnixMs()) +
                       "; " + std::to_string(channel.rows_waiting) + " rows wait");
  }
}

}  // namespace

Status CheckRuns(const TaskView& view) {
  if (view.status.dry_run || view.record.spec.dry_run) {
    return FailedPreconditionError(
        "the task is a dry run: nothing of it is on its target, so there is nothing to drain");
  }
  if (view.record.state == TaskState::kRunning) {
    return OkStatus();
  }
  const std::string reason = view.record.reason.empty() ? "" : " (" + view.record.reason + ")";
  return FailedPreconditionError(
      "the task is not running, it is " + std::string(TaskStateName(view.record.state)) + reason +
      "; " + OnTheTarget(view) + "; to have the rest, `milvus-cdc task resume " +
      (view.record.reason.starts_with(kStoppedAt) ? "--stop-at 0 " : "") + view.record.spec.id +
      "` and drain again");
}

std::vector<std::string> MissingFor(const TaskView& view,
                                    const SourcePresent& goal,
                                    bool accept_waiting) {
  const TaskStatus& status = view.status;
  std::vector<std::string> missing;
  const bool left_so = status.condition == Condition::kWaiting && (status.idle || accept_waiting);
  if (!view.live || (status.condition != Condition::kOk && !left_so)) {
    missing.push_back(std::string("the task is ") + ConditionName(status.condition) +
                      AfterColon(status.reason));
  }
  if (!view.live) {
    return missing;  // what else is shown of it is old
  }
  if (status.catalog.revision < goal.catalog_revision) {
    missing.push_back("the source's catalog is read up to revision " +
                      std::to_string(status.catalog.revision) + ", it was at " +
                      std::to_string(goal.catalog_revision));
  } else if (!status.catalog.applied) {
    AppendPending(status.catalog, &missing);
  }
  for (const ChannelStatus& channel : status.channels) {
    if (channel.resolved < goal.ts) {
      missing.push_back("channel " + channel.channel + " is read up to " +
                        FormatReached(channel.resolved) + ", not to " +
                        FormatTime(goal.ts.UnixMs()));
    } else {
      AppendCheckpoint(channel, goal.ts, &missing);
    }
  }
  return missing;
}

std::vector<std::string> MissingUpTo(const TaskView& view, Timestamp ts) {
  std::vector<std::string> missing;
  if (view.status.dry_run || view.record.spec.dry_run) {
    missing.push_back("the task is a dry run: nothing of it is on its target");
  }
  if (view.live && !view.status.catalog.applied) {
    AppendPending(view.status.catalog, &missing);
  }
  for (const SetAsideStatus& aside : view.status.set_aside) {
    missing.push_back("collection " + aside.collection.ToString() + " is set aside" +
                      AfterColon(aside.reason));
  }
  for (const SnapshotStatus& copy : view.status.snapshots) {
    if (!copy.done) {
      missing.push_back("stored rows of " + copy.collection.ToString() + " are not yet copied");
    }
  }
  for (const ChannelStatus& channel : view.status.channels) {
    AppendCheckpoint(channel, ts, &missing);
  }
  if (view.status.channels.empty() && !(view.live && view.status.idle)) {
    missing.push_back("no channel is followed yet");
  }
  return missing;
}

std::string Summarize(const std::vector<std::string>& missing) {
  constexpr size_t kNamed = 3;
  std::string text;
  for (size_t i = 0; i < missing.size() && i < kNamed; ++i) {
    text += (i == 0 ? "" : "; ") + missing[i];
  }
  if (missing.size() > kNamed) {
    text += "; and " + std::to_string(missing.size() - kNamed) + " more";
  }
  return text;
}

const ChannelStatus* FindStalled(const TaskView& view,
                                 const SourcePresent& goal,
                                 int64_t now_unix_ms) {
  const auto& channels = view.status.channels;
  const auto found =
      std::find_if(channels.begin(), channels.end(), [&](const ChannelStatus& channel) {
        return view.live && channel.resolved < goal.ts && channel.bytes_waiting == 0 &&
               channel.last_tick_unix_ms != 0 &&
               now_unix_ms - channel.last_tick_unix_ms >= kStalledMs;
      });
  return found == channels.end() ? nullptr : &*found;
}

std::string HowToForce(const TaskView& view) {
  return "; if the source is gone for good, `milvus-cdc task pause " + view.record.spec.id +
         "` ends it: " + OnTheTarget(view);
}

std::string FormatHybrid(Timestamp ts) {
  return std::to_string(ts.value) + " (" + FormatTime(ts.UnixMs()) + ")";
}

}  // namespace cdc
