#include "pipeline/task_changes.h"

#include <algorithm>
#include <map>
#include <optional>
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

// Everything of the collection at or below this time is on the target.
Timestamp AppliedOf(const ChannelCheckpoint& channel, CollectionId collection) {
  if (!channel.replay.has_value()) {
    return channel.ts;
  }
  const auto own = channel.replay->collections.find(collection);
  const Timestamp applied =
      own == channel.replay->collections.end() ? channel.replay->others.ts : own->second.ts;
  return std::max(channel.ts, applied);
}

// Has the channel read from `place` on for `collection`, unless it is to be read from an earlier
// place anyway. nullopt: from the collection's own beginning.
void ReadAgain(CollectionId collection,
               const std::optional<Takeover>& place,
               Timestamp present,
               ChannelCheckpoint* channel) {
  // What a process may have sent before, it has sent for any of the collections.
  const Timestamp sent = std::max(channel->ts, channel->horizon);
  Replay replay =
      channel->replay.value_or(Replay{.others = {channel->ts, sent}, .collections = {}});
  replay.others.horizon = std::max(replay.others.horizon, sent);
  for (auto& [other, applied] : replay.collections) {
    applied.ts = std::max(applied.ts, channel->ts);
    applied.horizon = std::max(applied.horizon, sent);
  }
  const Timestamp from = place.has_value() ? place->ts : Timestamp{};
  replay.collections[collection] = {.ts = from, .horizon = std::max(present, sent)};
  if (from < channel->ts) {
    channel->position = place.has_value() ? place->position : MsgId{};
    channel->ts = from;
  }
  channel->horizon = {};
  channel->replay = std::move(replay);
}

ChannelCheckpoint* FindOrAddChannel(const std::string& channel, MetaStore::Progress* progress) {
  if (ChannelCheckpoint* found = FindChannel(channel, progress)) {
    return found;
  }
  progress->channels.push_back({.channel = channel, .position = {}, .ts = {}, .applied = {}});
  return &progress->channels.back();
}

}  // namespace

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
    const Timestamp applied = AppliedOf(*channel, collection.id);
    // A collection younger than that begins at its own beginning.
    if (applied > Timestamp{} && applied >= collection.created) {
      aside.left_at[name_of_channel] = {.position = channel->position, .ts = applied};
    }
    if (channel->replay.has_value()) {
      channel->replay->collections.erase(collection.id);
    }
  }
  progress->aside.push_back(std::move(aside));
}

void TakeUp(const Collection& collection, Timestamp present, MetaStore::Progress* progress) {
  AsideCollection* aside = FindRecord(collection.id, &progress->aside);
  if (aside == nullptr) {
    return;
  }
  const SnapshotProgress* copy = FindRecord(collection.id, &progress->snapshots);
  if (copy != nullptr && !copy->done) {
    aside->reason.clear();
    return;
  }
  const std::map<std::string, Takeover> left_at = std::move(aside->left_at);
  EraseRecord(collection.id, &progress->aside);
  for (const std::string& name : collection.pchannels) {
    const auto place = left_at.find(name);
    ReadAgain(collection.id, place == left_at.end() ? std::nullopt : std::optional(place->second),
              present, FindOrAddChannel(name, progress));
  }
}

void CopyAgain(CollectionId collection, MetaStore::Progress* progress) {
  EraseRecord(collection, &progress->snapshots);
  progress->snapshots.push_back({.collection = collection, .takeover = {}, .segments = {}});
}

void CancelCopy(const Collection& collection, Timestamp present, MetaStore::Progress* progress) {
  const SnapshotProgress* copy = FindRecord(collection.id, &progress->snapshots);
  AsideCollection* aside = FindRecord(collection.id, &progress->aside);
  if (copy == nullptr || aside == nullptr) {
    return;
  }
  // Rows that were sent are as of the takeover, which may be the earlier place.
  for (size_t shard = 0; copy->begun && shard < collection.vchannels.size(); ++shard) {
    const auto takeover = copy->takeover.find(collection.vchannels[shard]);
    const auto left = aside->left_at.find(collection.pchannels[shard]);
    if (takeover != copy->takeover.end() && left != aside->left_at.end() &&
        takeover->second.ts < left->second.ts) {
      left->second = takeover->second;
    }
  }
  EraseRecord(collection.id, &progress->snapshots);
  TakeUp(collection, present, progress);
}

void FollowCopied(const Collection& collection, Timestamp present, MetaStore::Progress* progress) {
  const SnapshotProgress* copy = FindRecord(collection.id, &progress->snapshots);
  if (copy == nullptr || !copy->done) {
    return;
  }
  EraseRecord(collection.id, &progress->aside);
  // A channel is read from the earliest of its shards' takeovers; each shard knows its own time.
  std::map<std::string, Takeover> places;
  for (size_t shard = 0; shard < collection.vchannels.size(); ++shard) {
    const auto takeover = copy->takeover.find(collection.vchannels[shard]);
    if (takeover == copy->takeover.end()) {
      continue;
    }
    const auto [place, added] = places.try_emplace(collection.pchannels[shard], takeover->second);
    if (!added && takeover->second.ts < place->second.ts) {
      place->second = takeover->second;
    }
  }
  for (const auto& [name, place] : places) {
    ReadAgain(collection.id, place, present, FindOrAddChannel(name, progress));
  }
}

void ForgetChannel(const std::string& channel, MetaStore::Progress* progress) {
  std::erase_if(progress->channels,
                [&](const ChannelCheckpoint& each) { return each.channel == channel; });
}

}  // namespace cdc
