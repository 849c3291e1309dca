#include "pipeline/task_changes.h"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace cdc {
namespace {

using Replay = ChannelCheckpoint::Replay;

ChannelCheckpoint* FindChannel(const std::string& channel, MetaStore::Progress* progress) {
  const auto found =
      std::find_if(progress->channels.begin(), progress->channels.end(),
                   [&](const ChannelCheckpoint& each) { return each.channel == channel; });
  return found == progress->channels.end() ? nullptr : &*found;
}

template <typename Record>
Record* FindRecord(CollectionId collection, std::vector<Record>* records) {
  const auto found = std::find_if(records->begin(), records->end(), [&](const Record& each) {
    return each.collection == collection;
  });
  return found == records->end() ? nullptr : &*found;
}

template <typename Record>
void EraseRecord(CollectionId collection, std::vector<Record>* records) {
  std::erase_if(*records, [&](const Record& each) { return each.collection == collection; });
}

// Up to where the collection is on the target, and where it would go on.
Takeover PlaceOf(const ChannelCheckpoint& channel, CollectionId collection) {
  const Takeover read{.position = channel.position, .ts = channel.ts};
  if (!channel.replay.has_value()) {
    return read;
  }
  const auto own = channel.replay->collections.find(collection);
  if (own != channel.replay->collections.end()) {
    return {.position = read.position, .ts = std::max(read.ts, own->second.ts)};
  }
  const Takeover others{.position = channel.replay->others_position,
                        .ts = channel.replay->others.ts};
  return read.ts < others.ts ? others : read;
}

// Nothing is left to be read again: the channel goes on where the others are.
void EndReplay(ChannelCheckpoint* channel) {
  const Replay& replay = *channel->replay;
  if (channel->ts < replay.others.ts) {
    channel->position = replay.others_position;
    channel->ts = replay.others.ts;
  }
  channel->horizon = std::max(channel->horizon, replay.others.horizon);
  channel->replay.reset();
}

// The channel is not read again for the collection any more.
void LeaveReplay(CollectionId collection, ChannelCheckpoint* channel) {
  if (channel->replay.has_value() && channel->replay->collections.erase(collection) > 0 &&
      channel->replay->collections.empty()) {
    EndReplay(channel);
  }
}

// Has the channel read from `place` on for `collection`, unless it is to be read from an earlier
// place anyway.
void ReadAgain(CollectionId collection,
               const Takeover& place,
               Timestamp present,
               ChannelCheckpoint* channel) {
  // What a process may have sent before, it has sent for any of the collections.
  const Timestamp sent = std::max(channel->ts, channel->horizon);
  Replay replay = channel->replay.value_or(Replay());
  if (replay.others.ts <= channel->ts) {
    replay.others.ts = channel->ts;
    replay.others_position = channel->position;
  }
  replay.others.horizon = std::max(replay.others.horizon, sent);
  for (auto& [other, applied] : replay.collections) {
    applied.ts = std::max(applied.ts, channel->ts);
    applied.horizon = std::max(applied.horizon, sent);
  }
  replay.collections[collection] = {.ts = place.ts, .horizon = std::max(present, sent)};
  if (place.ts < channel->ts) {
    channel->position = place.position;
    channel->ts = place.ts;
  }
  channel->horizon = {};
  channel->replay = std::move(replay);
}

// What a copy has sent is as of its takeovers, which may be earlier than where the log was left. It
// may have removed rows of the target as soon as these are known.
void LowerToTakeovers(const Collection& collection,
                      const SnapshotProgress& copy,
                      AsideCollection* aside) {
  for (size_t shard = 0; shard < collection.vchannels.size(); ++shard) {
    const auto takeover = copy.takeover.find(collection.vchannels[shard]);
    const auto left = aside->left_at.find(collection.pchannels[shard]);
    if (takeover != copy.takeover.end() && left != aside->left_at.end() &&
        takeover->second.ts < left->second.ts) {
      left->second = takeover->second;
    }
  }
}

// By channel. It is read from the earliest of its shards' takeovers; each shard knows its own time.
// None of its rows is at or below its creation, which dates a position that was given without a
// time.
std::map<std::string, Takeover> PlacesOf(const Collection& collection,
                                         const SnapshotProgress& copy) {
  std::map<std::string, Takeover> places;
  for (size_t shard = 0; shard < collection.vchannels.size(); ++shard) {
    const auto takeover = copy.takeover.find(collection.vchannels[shard]);
    if (takeover == copy.takeover.end()) {
      continue;
    }
    Takeover dated = takeover->second;
    dated.ts = std::max(dated.ts, collection.created);
    const auto [place, added] = places.try_emplace(collection.pchannels[shard], dated);
    if (!added && dated.ts < place->second.ts) {
      place->second = std::move(dated);
    }
  }
  return places;
}

ChannelCheckpoint* FindOrAddChannel(const std::string& channel, MetaStore::Progress* progress) {
  if (ChannelCheckpoint* found = FindChannel(channel, progress)) {
    return found;
  }
  progress->channels.push_back({.channel = channel, .position = {}, .ts = {}, .applied = {}});
  return &progress->channels.back();
}

}  // namespace

bool IsLogApplied(const SnapshotProgress& copy) {
  return !copy.done && copy.log == CopyLog::kApplied;
}

const AsideCollection* FindAside(CollectionId collection, const MetaStore::Progress& progress) {
  for (const AsideCollection& aside : progress.aside) {
    if (aside.collection == collection) {
      return &aside;
    }
  }
  return nullptr;
}

void SetAside(const Collection& collection,
              const CollectionName& name,
              const std::string& reason,
              int64_t now_unix_ms,
              MetaStore::Progress* progress) {
  if (AsideCollection* aside = FindRecord(collection.id, &progress->aside)) {
    aside->reason = reason;
    aside->since_unix_ms = now_unix_ms;
    return;
  }
  AsideCollection aside{.collection = collection.id,
                        .name = name,
                        .reason = reason,
                        .since_unix_ms = now_unix_ms,
                        .left_at = {}};
  for (const std::string& name_of_channel : collection.pchannels) {
    ChannelCheckpoint* channel = FindChannel(name_of_channel, progress);
    if (channel == nullptr) {
      continue;
    }
    const Takeover place = PlaceOf(*channel, collection.id);
    // A collection younger than that begins at its own beginning.
    if (place.ts > Timestamp{} && place.ts >= collection.created) {
      aside.left_at[name_of_channel] = place;
    }
    LeaveReplay(collection.id, channel);
  }
  progress->aside.push_back(std::move(aside));
}

Takeover PlaceToGoOn(const Collection& collection,
                     const std::string& channel,
                     const MetaStore::Progress& progress) {
  const AsideCollection* aside = FindAside(collection.id, progress);
  if (aside != nullptr) {
    if (const auto left = aside->left_at.find(channel); left != aside->left_at.end()) {
      return left->second;
    }
  }
  // A log that is applied while its collection is copied begins where it takes over, and so does
  // that of one whose copy is done, or was made by somebody else.
  for (const SnapshotProgress& copy : progress.snapshots) {
    const bool takes_over = IsLogApplied(copy) || (copy.done && copy.selection.IsAll());
    if (copy.collection == collection.id && takes_over) {
      const std::map<std::string, Takeover> places = PlacesOf(collection, copy);
      if (const auto place = places.find(channel); place != places.end()) {
        return place->second;
      }
    }
  }
  // Its own beginning: see ReadingStart. None of its rows is at or below its creation.
  Takeover begin{.position = {}, .ts = collection.created};
  if (const auto start = collection.start_positions.find(channel);
      start != collection.start_positions.end()) {
    begin.position = start->second;
  }
  for (const ReplicatedCollection& known : progress.collections) {
    const auto skip = known.skip_until.find(channel);
    if (known.id == collection.id && skip != known.skip_until.end() && !skip->second.empty()) {
      begin.position = skip->second;
    }
  }
  return begin;
}

void TakeUp(const Collection& collection,
            Timestamp present,
            const Log& log,
            MetaStore::Progress* progress) {
  AsideCollection* aside = FindRecord(collection.id, &progress->aside);
  if (aside == nullptr) {
    return;
  }
  SnapshotProgress* copy = FindRecord(collection.id, &progress->snapshots);
  if (copy != nullptr && !copy->done && copy->log != CopyLog::kApplied) {
    aside->reason.clear();
    copy->log = CopyLog::kWaits;  // beside the others nothing follows it
    return;
  }
  for (const std::string& name : collection.pchannels) {
    Takeover place = PlaceToGoOn(collection, name, *progress);
    ChannelCheckpoint* const channel = FindOrAddChannel(name, progress);
    const auto start = collection.start_positions.find(name);
    const bool is_beginning =
        start != collection.start_positions.end() && start->second == place.position;
    if (place.ts <= collection.created && channel->ts > Timestamp{} && !is_beginning &&
        !place.position.empty()) {
      // It was given without its time. The channel must keep one, and not be moved beyond where the
      // others are: none of the collection's rows is at or below its creation.
      place.ts = collection.created;
      if (channel->position.empty() || log.Compare(channel->position, place.position) < 0) {
        place.position = channel->position;
      }
    }
    ReadAgain(collection.id, place, present, channel);
  }
  EraseRecord(collection.id, &progress->aside);
}

void CopyAgain(const Collection& collection,
               const CopySelection& selection,
               MetaStore::Progress* progress) {
  const SnapshotProgress* copy = FindRecord(collection.id, &progress->snapshots);
  AsideCollection* aside = FindRecord(collection.id, &progress->aside);
  if (copy != nullptr && !copy->done && aside != nullptr) {
    LowerToTakeovers(collection, *copy, aside);
    if (copy->log == CopyLog::kApplied) {
      aside->left_at.clear();  // without the copy, its log has nothing to go on from
    }
  }
  EraseRecord(collection.id, &progress->snapshots);
  progress->snapshots.push_back(
      {.collection = collection.id, .selection = selection, .takeover = {}, .segments = {}});
}

void CancelCopy(const Collection& collection, MetaStore::Progress* progress) {
  const SnapshotProgress* copy = FindRecord(collection.id, &progress->snapshots);
  AsideCollection* aside = FindRecord(collection.id, &progress->aside);
  if (copy != nullptr && aside != nullptr) {
    LowerToTakeovers(collection, *copy, aside);
    EraseRecord(collection.id, &progress->snapshots);
  }
}

void FollowCopied(const Collection& collection,
                  Timestamp present,
                  const Log& log,
                  MetaStore::Progress* progress) {
  const SnapshotProgress* copy = FindRecord(collection.id, &progress->snapshots);
  if (copy == nullptr || !copy->done) {
    return;
  }
  if (AsideCollection* aside = FindRecord(collection.id, &progress->aside);
      aside != nullptr && !copy->selection.IsAll()) {
    LowerToTakeovers(collection, *copy, aside);
    TakeUp(collection, present, log, progress);
    return;
  }
  EraseRecord(collection.id, &progress->aside);
  for (const auto& [name, place] : PlacesOf(collection, *copy)) {
    ReadAgain(collection.id, place, present, FindOrAddChannel(name, progress));
  }
}

void ReadFrom(const Collection& collection,
              std::map<std::string, Takeover> places,
              Timestamp present,
              const Log& log,
              MetaStore::Progress* progress) {
  // Neither an earlier copy nor where the task began may leave rows out.
  EraseRecord(collection.id, &progress->snapshots);
  progress->snapshots.push_back(
      {.collection = collection.id, .takeover = std::move(places), .done = true});
  for (ReplicatedCollection& known : progress->collections) {
    if (known.id == collection.id) {
      known.skip_until.clear();
    }
  }
  FollowCopied(collection, present, log, progress);
}

void ForgetCollection(CollectionId collection, MetaStore::Progress* progress) {
  std::erase_if(progress->collections, [&](const auto& known) { return known.id == collection; });
  EraseRecord(collection, &progress->snapshots);
  EraseRecord(collection, &progress->aside);
  for (ChannelCheckpoint& channel : progress->channels) {
    LeaveReplay(collection, &channel);
  }
}

void ForgetChannel(const std::string& channel, MetaStore::Progress* progress) {
  std::erase_if(progress->channels,
                [&](const ChannelCheckpoint& each) { return each.channel == channel; });
}

}  // namespace cdc
