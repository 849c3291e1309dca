#include "rows/reading_start.h"

#include <limits>
#include <optional>

namespace cdc {

ReadingStart::ReadingStart(const MetaStore::Progress& progress, Options options)
    : options_(options) {
  for (const ChannelCheckpoint& checkpoint : progress.channels) {
    checkpoints_[checkpoint.channel] = checkpoint;
  }
  for (const ReplicatedCollection& collection : progress.collections) {
    known_[collection.id] = collection;
  }
  for (const SnapshotProgress& snapshot : progress.snapshots) {
    snapshots_[snapshot.collection] = snapshot;
  }
  for (const AsideCollection& aside : progress.aside) {
    aside_[aside.collection] = aside;
  }
}

ReadingStart::Place ReadingStart::Of(const Collection& collection,
                                     const std::string& channel) const {
  const auto at = [](const MsgId& id, Timestamp resolved) {
    return FeedStart{.position = id.empty() ? std::nullopt : std::optional(LogPosition{.id = id}),
                     .resolved = resolved};
  };
  const ChannelCheckpoint* checkpoint = Checkpoint(channel);
  // A younger collection has no rows at or below the checkpoint, so it begins at its own place.
  if (checkpoint != nullptr && checkpoint->ts > Timestamp{} &&
      collection.created <= checkpoint->ts) {
    return {at(checkpoint->position, checkpoint->ts), true};
  }
  if (const std::optional<Place> takeover = TakeoverOf(collection, channel)) {
    return *takeover;
  }
  if (const MsgId* skip = SkipUntil(collection.id, channel)) {
    return {at(*skip, Timestamp{}), false};
  }
  const auto created = collection.start_positions.find(channel);
  return {at(created == collection.start_positions.end() ? MsgId{} : created->second, Timestamp{}),
          false};
}

// The earliest place of the collection's shards in the channel. Positions of one channel rise with
// their times.
std::optional<ReadingStart::Place> ReadingStart::TakeoverOf(const Collection& collection,
                                                            const std::string& channel) const {
  const SnapshotProgress* const snapshot = FindWholeCopy(collection.id);
  if (snapshot == nullptr) {
    return std::nullopt;
  }
  std::optional<Place> first;
  for (size_t shard = 0; shard < collection.vchannels.size(); ++shard) {
    const auto takeover = snapshot->takeover.find(collection.vchannels[shard]);
    if (collection.pchannels[shard] != channel || takeover == snapshot->takeover.end()) {
      continue;
    }
    const Takeover& place = takeover->second;
    if (!first.has_value() || place.ts < first->from.resolved) {
      first = Place{.from = {.position = LogPosition{.id = place.position}, .resolved = place.ts},
                    .from_checkpoint = false};
    }
  }
  return first;
}

bool ReadingStart::IsWaitingForCopy(CollectionId collection) const {
  const auto snapshot = snapshots_.find(collection);
  return snapshot != snapshots_.end() && !snapshot->second.done &&
         snapshot->second.log != CopyLog::kApplied && !IsAside(collection);
}

bool ReadingStart::IsSetAside(CollectionId collection) const {
  const auto aside = aside_.find(collection);
  return aside != aside_.end() && !aside->second.reason.empty();
}

void ReadingStart::SetCopied(CollectionId collection, std::map<std::string, Takeover> takeover) {
  SnapshotProgress& snapshot = snapshots_[collection];
  snapshot.takeover = std::move(takeover);
  snapshot.done = true;
}

void ReadingStart::SetLogApplied(CollectionId collection,
                                 std::map<std::string, Takeover> takeover) {
  SnapshotProgress& snapshot = snapshots_[collection];
  snapshot.takeover = std::move(takeover);
  snapshot.log = CopyLog::kApplied;
}

const SnapshotProgress* ReadingStart::FindWholeCopy(CollectionId collection) const {
  const auto snapshot = snapshots_.find(collection);
  return snapshot == snapshots_.end() || !snapshot->second.selection.IsAll() ? nullptr
                                                                             : &snapshot->second;
}

const Takeover* ReadingStart::FindTakeover(CollectionId collection,
                                           std::string_view vchannel) const {
  const SnapshotProgress* const snapshot = FindWholeCopy(collection);
  if (snapshot == nullptr) {
    return nullptr;
  }
  const auto takeover = snapshot->takeover.find(std::string(vchannel));
  return takeover == snapshot->takeover.end() ? nullptr : &takeover->second;
}

Timestamp ReadingStart::CopiedUntil(CollectionId collection, std::string_view vchannel) const {
  const Takeover* takeover = FindTakeover(collection, vchannel);
  return takeover == nullptr ? Timestamp{} : takeover->ts;
}

Timestamp ReadingStart::CopyDoubt(CollectionId collection, std::string_view vchannel) const {
  const Takeover* takeover = FindTakeover(collection, vchannel);
  if (takeover == nullptr || options_.forget_doubts) {
    return Timestamp{};
  }
  // Up to when is known at the end.
  return options_.copies_show_later_rows && !snapshots_.at(collection).done
             ? Timestamp{std::numeric_limits<uint64_t>::max()}
             : takeover->seen_until;
}

bool ReadingStart::IsBefore(const Place& a, const Place& b, const Log& log) {
  // The checkpoint comes first: all other places are those of younger collections.
  if (a.from_checkpoint || b.from_checkpoint) {
    return a.from_checkpoint && !b.from_checkpoint;
  }
  return cdc::IsBefore(a.from, b.from, log);
}

const MsgId* ReadingStart::SkipUntil(CollectionId collection, const std::string& channel) const {
  const auto known = known_.find(collection);
  if (known == known_.end()) {
    return nullptr;
  }
  const auto skip = known->second.skip_until.find(channel);
  return skip == known->second.skip_until.end() ? nullptr : &skip->second;
}

const ChannelCheckpoint* ReadingStart::Checkpoint(const std::string& channel) const {
  const auto found = checkpoints_.find(channel);
  return found == checkpoints_.end() ? nullptr : &found->second;
}

Timestamp ReadingStart::Doubt(const std::string& channel) const {
  // A clean stop stores no horizon, so a horizon above the checkpoint means that a process died or
  // that a call ended with an unknown outcome.
  const ChannelCheckpoint* checkpoint = Checkpoint(channel);
  const bool doubt =
      !options_.forget_doubts && checkpoint != nullptr && checkpoint->horizon > checkpoint->ts;
  return doubt ? checkpoint->horizon : Timestamp{};
}

}  // namespace cdc
