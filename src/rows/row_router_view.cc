#include <algorithm>
#include <utility>

#include "rows/row_router.h"

// What the router knows of its channels: checkpoints, states, lags.
namespace cdc {

bool RowRouter::Follows(CollectionId collection) const {
  MutexLock lock(mutex_);
  return routes_.contains(collection);
}

std::vector<RouteView::Vanished> RowRouter::vanished() const {
  std::vector<Vanished> found;
  MutexLock lock(mutex_);
  for (const auto& [id, route] : routes_) {
    if (catalog_->Find(id) == nullptr) {
      found.push_back({.name = route.name, .collection = route.collection});
    }
  }
  return found;
}

size_t RowRouter::held_bytes() const {
  MutexLock lock(mutex_);
  size_t bytes = 0;
  for (const auto& [name, channel] : channels_) {
    bytes += channel->held_bytes;
  }
  return bytes;
}

uint64_t RowRouter::late_messages() const {
  MutexLock lock(mutex_);
  return late_messages_;
}

uint64_t RowRouter::unknown_messages() const {
  MutexLock lock(mutex_);
  return unknown_messages_;
}

RowRouter::CatalogSeen RowRouter::catalog_seen() const {
  MutexLock lock(mutex_);
  return {.catalog = catalog_, .changes = catalog_changes_};
}

bool RowRouter::HasReadTo(const std::string& channel, const std::optional<MsgId>& end) const {
  MutexLock lock(mutex_);
  const auto found = channels_.find(channel);
  // Before the first catalog it is not known which channels will be followed.
  if (found == channels_.end() || !end.has_value()) {
    return catalog_ != nullptr;
  }
  const MsgId& read_to = found->second->read_to;
  return !read_to.empty() && parts_.log->Compare(read_to, *end) >= 0;
}

bool RowRouter::HasAppliedTo(const std::string& channel, Timestamp ts) const {
  MutexLock lock(mutex_);
  const auto found = channels_.find(channel);
  if (found == channels_.end()) {
    return catalog_ != nullptr && !WaitingChannels().contains(channel);
  }
  return found->second->tracker->checkpoint() >= ts;
}

std::vector<ChannelProgress> RowRouter::Checkpoints() const {
  std::vector<ChannelProgress> checkpoints;
  MutexLock lock(mutex_);
  for (const auto& [name, channel] : channels_) {
    ChannelCheckpoint checkpoint = channel->tracker->Snapshot();
    const bool begun = checkpoint.ts > Timestamp{};
    if (!begun) {
      // No tick has been acknowledged yet: a restart begins where the channel's collections do.
      checkpoint.position = {};
    }
    // Rows between the checkpoint and the doubt may not have been repeated yet, so they stay in
    // doubt after another restart.
    if (channel->doubt > checkpoint.ts) {
      checkpoint.horizon = channel->doubt;
    }
    // Records applied by earlier runs stay listed until the checkpoint has passed them.
    for (const std::string& id : channel->applied) {
      if (!begun || checkpoint.position.empty() ||
          parts_.log->Compare({id}, checkpoint.position) >= 0) {
        checkpoint.applied.push_back({id});
      }
    }
    if (channel->replay.has_value() && !channel->replay->IsOver(checkpoint.ts)) {
      checkpoint.replay = channel->replay;
    }
    checkpoints.push_back(
        {.saved = std::move(checkpoint), .resolved = channel->tracker->resolved()});
  }
  if (requests_ != nullptr) {
    ChannelCheckpoint checkpoint = requests_->Snapshot();
    if (!checkpoint.position.empty()) {
      // They can be repeated, so those done beyond the position need not be remembered.
      checkpoint.applied.clear();
      checkpoints.push_back({.saved = std::move(checkpoint), .resolved = {}});
    }
  }
  return checkpoints;
}

uint64_t RowRouter::acknowledged() const {
  MutexLock lock(mutex_);
  uint64_t records = requests_ == nullptr ? 0 : requests_->acknowledged();
  for (const auto& [name, channel] : channels_) {
    records += channel->tracker->acknowledged();
  }
  return records;
}

std::vector<ChannelStatus> RowRouter::ChannelStatuses() const {
  std::vector<ChannelStatus> statuses;
  MutexLock lock(mutex_);
  for (const auto& [name, channel] : channels_) {
    ChannelCheckpoint checkpoint = channel->tracker->Snapshot();
    statuses.push_back({.channel = name,
                        .resolved = channel->tracker->resolved(),
                        .checkpoint = checkpoint.ts,
                        .position = std::move(checkpoint.position),
                        .rows_waiting = channel->tracker->pending_rows(),
                        .bytes_waiting = channel->tracker->pending_bytes() + channel->held_bytes,
                        .last_tick_unix_ms = channel->last_tick_unix_ms,
                        .silent_since_unix_ms = channel->SilentSince().value_or(0),
                        .last_rows = channel->tracker->last_records()});
  }
  return statuses;
}

std::optional<RowRouter::Silence> RowRouter::LongestSilence(
    std::chrono::milliseconds at_least) const {
  std::optional<Silence> longest;
  const int64_t latest = options_.clock->UnixMs() - at_least.count();
  MutexLock lock(mutex_);
  for (const auto& [name, channel] : channels_) {
    const std::optional<int64_t> since = channel->SilentSince();
    if (since && *since <= latest && (!longest || *since < longest->since_unix_ms)) {
      longest = Silence{.channel = name, .since_unix_ms = *since};
    }
  }
  return longest;
}

std::vector<CollectionName> RowRouter::Covered() const {
  std::vector<CollectionName> names;
  MutexLock lock(mutex_);
  for (const auto& [id, route] : routes_) {
    names.push_back(route.name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace cdc
