#include "control/shown_status.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>

namespace cdc {
namespace {

std::optional<CollectionName> NameOf(const MetaStore::Progress& progress, CollectionId id) {
  for (const ReplicatedCollection& collection : progress.collections) {
    if (collection.id == id) {
      return collection.source;
    }
  }
  for (const AsideCollection& aside : progress.aside) {
    if (aside.collection == id) {
      return aside.name;
    }
  }
  return std::nullopt;
}

SnapshotStatus StatusOf(const SnapshotProgress& copy, const CollectionName& name) {
  return {.collection = name,
          .selection = copy.selection,
          .done = copy.done,
          .rows = copy.rows,
          .total_rows = copy.rows,
          .bytes = copy.bytes,
          .total_bytes = copy.bytes};
}

}  // namespace

std::vector<SetAsideStatus> SetAsideOf(const MetaStore::Progress& progress) {
  std::vector<SetAsideStatus> collections;
  for (const AsideCollection& aside : progress.aside) {
    if (!aside.reason.empty()) {
      collections.push_back(
          {.collection = aside.name, .reason = aside.reason, .since_unix_ms = aside.since_unix_ms});
    }
  }
  return collections;
}

std::vector<SnapshotStatus> CopiesOf(const MetaStore::Progress& progress) {
  std::vector<SnapshotStatus> copies;
  for (const SnapshotProgress& copy : progress.snapshots) {
    if (const auto name = NameOf(progress, copy.collection); name.has_value()) {
      copies.push_back(StatusOf(copy, *name));
    } else if (!copy.done) {
      copies.push_back(StatusOf(copy, {.collection = std::to_string(copy.collection.value)}));
    }
  }
  return copies;
}

TaskStatus StatusOf(const MetaStore::Progress& progress) {
  TaskStatus status;
  std::set<std::string> in_use;  // others are left from collections that have been dropped
  for (const ReplicatedCollection& collection : progress.collections) {
    in_use.insert(collection.pchannels.begin(), collection.pchannels.end());
    status.covers.push_back(collection.source);
  }
  for (const ChannelCheckpoint& channel : progress.channels) {
    if (in_use.contains(channel.channel)) {
      status.channels.push_back({channel.channel, channel.ts, channel.ts, channel.position});
    }
  }
  status.set_aside = SetAsideOf(progress);
  status.snapshots = CopiesOf(progress);
  return status;
}

void ShowCopies(const MetaStore::Progress& progress, TaskStatus* status) {
  for (const SnapshotProgress& copy : progress.snapshots) {
    const auto name = NameOf(progress, copy.collection);
    if (!name.has_value()) {
      continue;  // it is shown once the task has begun its collection
    }
    const auto shown = std::find_if(status->snapshots.begin(), status->snapshots.end(),
                                    [&name](const auto& each) { return each.collection == *name; });
    if (shown != status->snapshots.end() && shown->done == copy.done &&
        shown->selection == copy.selection) {
      continue;
    }
    if (shown != status->snapshots.end()) {
      status->snapshots.erase(shown);
    }
    status->snapshots.push_back(StatusOf(copy, *name));
  }
  if (status->phase.has_value() &&
      std::any_of(status->snapshots.begin(), status->snapshots.end(),
                  [](const SnapshotStatus& copy) { return !copy.done; })) {
    status->phase = TaskPhase::kSnapshot;
  }
}

void ShowSource(const Status& source, TaskStatus* status) {
  if (!source.ok() &&
      (status->condition == Condition::kOk || status->condition == Condition::kWaiting)) {
    status->idle = false;
    status->condition = Condition::kRetrying;
    status->reason = "source catalog: " + source.ToString();
  }
}

}  // namespace cdc
