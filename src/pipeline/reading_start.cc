#include "pipeline/reading_start.h"

#include <algorithm>
#include <set>
#include <utility>

namespace cdc {

ReadingStart::ReadingStart(const MetaStore::Progress& progress) {
  for (const ChannelCheckpoint& checkpoint : progress.channels) {
    checkpoints_[checkpoint.channel] = checkpoint;
  }
  for (const ReplicatedCollection& collection : progress.collections) {
    known_[collection.id] = collection;
  }
}

bool ReadingStart::InDoubt(const std::string& channel) const {
  const ChannelCheckpoint* checkpoint = Checkpoint(channel);
  if (checkpoint != nullptr && checkpoint->horizon > checkpoint->ts) {
    return true;
  }
  // Begun before, and ended before its first checkpoint.
  return std::any_of(known_.begin(), known_.end(), [&](const auto& each) {
    const ReplicatedCollection& known = each.second;
    return known.on_target && (checkpoint == nullptr || known.created > checkpoint->ts) &&
           std::find(known.pchannels.begin(), known.pchannels.end(), channel) !=
               known.pchannels.end();
  });
}

Status ReadingStart::FindDoubts(Log* log) {
  std::set<std::string> channels;
  for (const auto& [channel, checkpoint] : checkpoints_) {
    channels.insert(channel);
  }
  for (const auto& [id, known] : known_) {
    channels.insert(known.pchannels.begin(), known.pchannels.end());
  }
  for (const std::string& channel : channels) {
    if (InDoubt(channel)) {
      CDC_ASSIGN_OR_RETURN(const std::optional<MsgId> latest, log->Latest(channel));
      if (latest) {
        doubts_[channel] = *latest;
      }
    }
  }
  return OkStatus();
}

ReadingStart::Place ReadingStart::Of(const Collection& collection,
                                     const std::string& channel) const {
  const auto at = [](const MsgId& id, Timestamp resolved) {
    return FeedStart{.position = id.empty() ? std::nullopt : std::optional(LogPosition{.id = id}),
                     .resolved = resolved};
  };
  const ChannelCheckpoint* checkpoint = Checkpoint(channel);
  if (checkpoint != nullptr && collection.created <= checkpoint->ts) {
    return {at(checkpoint->position, checkpoint->ts), true};
  }
  if (const MsgId* skip = SkipUntil(collection.id, channel)) {
    return {at(*skip, Timestamp{}), false};
  }
  const auto created = collection.start_positions.find(channel);
  return {at(created == collection.start_positions.end() ? MsgId{} : created->second, Timestamp{}),
          false};
}

bool ReadingStart::IsBefore(const Place& a, const Place& b, const Log& log) {
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

std::optional<MsgId> ReadingStart::DoubtUntil(const std::string& channel) const {
  const auto found = doubts_.find(channel);
  return found == doubts_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace cdc
