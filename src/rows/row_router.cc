#include "rows/row_router.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/backoff.h"
#include "base/thread.h"

namespace cdc {
namespace {

// Polls are never smaller, however many channels share the memory.
constexpr size_t kLeastPoll = 256U << 10;

}  // namespace

RowRouter::Channel::Channel(const std::string& name, const FeedStart& start)
    : tracker(std::make_shared<AckTracker>(
          name, start.position ? start.position->id : MsgId{}, start.resolved)) {}

RowRouter::RowRouter(Parts parts, Options options, const MetaStore::Progress& progress)
    : parts_(std::move(parts)),
      options_(options),
      undecodable_(options.on_undecodable),
      start_(progress, options.forget_doubts) {}

// ---- Begin and end ---------------------------------------------------------------------------

Status RowRouter::Begin(const std::stop_token& stop) {
  CDC_RETURN_IF_ERROR(
      CallWithRetries(stop, "source catalog", [&] { return parts_.catalog->Sync(stop).status(); }));
  // Attach first: whether a flush concerns this task is decided by the catalog.
  parts_.feed->Attach(this);
  FollowReplicateChannel();
  return OkStatus();
}

void RowRouter::End() { parts_.feed->Detach(this); }

Status RowRouter::CallWithRetries(const std::stop_token& stop,
                                  const std::string& part,
                                  const std::function<Status()>& question) {
  Backoff backoff({});
  while (!stop.stop_requested()) {
    const Status status = question();
    if (status.ok() || !IsRetryable(status)) {
      parts_.conditions->Set(part, OkStatus());
      return status.WithContext(part);
    }
    parts_.conditions->Set(part, status);
    Pause(backoff.Next(), stop);
  }
  return CancelledError("stopped");
}

void RowRouter::FollowReplicateChannel() {
  if (parts_.replicate_channel.empty()) {
    return;
  }
  // The channel brings no ticks, so each record is a group of its own at time 0 and the checkpoint
  // is only a position: the last record that was done, hence not inclusive.
  FeedStart start;
  MsgId position;
  const ChannelCheckpoint* saved = start_.Checkpoint(parts_.replicate_channel);
  if (saved != nullptr && !saved->position.empty()) {
    position = saved->position;
    start.position = LogPosition{.id = position, .inclusive = false};
  }
  {
    MutexLock lock(mutex_);
    flushes_ = std::make_shared<AckTracker>(parts_.replicate_channel, position, Timestamp{});
  }
  parts_.feed->Follow(this, parts_.replicate_channel, false, std::move(start));
}

void RowRouter::Fail(const Status& status) {
  failed_ = true;
  parts_.on_fatal(status);
}

// ---- Routes ----------------------------------------------------------------------------------

void RowRouter::OnCatalog(const std::shared_ptr<const Catalog>& catalog) {
  if (failed_) {
    return;
  }
  bool changed = false;
  {
    MutexLock lock(mutex_);
    // Databases count as well: the reconciler creates and drops them. Other changes that do not
    // touch the task's collections wake nobody.
    changed = catalog_ == nullptr || catalog_->databases != catalog->databases;
    changed = UpdateRoutes(*catalog) || changed;
    catalog_ = catalog;
    catalog_changes_ += changed ? 1 : 0;
    FollowChannels();
    ShowWhetherIdle();
  }
  LogFollowed();
  if (!route_failure_.ok()) {
    Fail(std::exchange(route_failure_, {}));
  }
  if (changed) {
    parts_.on_catalog();
  }
}

bool RowRouter::UpdateRoutes(const Catalog& catalog) {
  bool changed = false;
  // A collection that is gone keeps its route with the last state known: its rows may still be
  // waiting in the queue, and the reconciler decides what becomes of them.
  for (auto& [id, route] : routes_) {
    const auto now = catalog.Find(id);
    changed = changed || now != route.collection;
    if (now != nullptr) {
      route.collection = now;
      route.name = {catalog.DatabaseName(now->database), now->name};
    }
  }
  for (const Scope::Match& match : parts_.scope->Select(catalog)) {
    changed = AddRoute(match) || changed;
  }
  if (catalog_ == nullptr) {
    // Collections begun by an earlier run are followed, whatever their names are now.
    for (const auto& [id, known] : start_.known()) {
      const auto collection = catalog.Find(id);
      if (collection != nullptr && collection->state == ObjectState::kCreated) {
        AddRoute({.name = {catalog.DatabaseName(collection->database), collection->name},
                  .collection = collection});
      }
    }
  }
  return changed;
}

bool RowRouter::AddRoute(const Scope::Match& match) {
  const Collection& collection = *match.collection;
  const Field* key = collection.schema.PrimaryKey();
  if (key == nullptr || routes_.contains(collection.id) || forgotten_.contains(collection.id)) {
    return false;
  }
  // A collection that existed without being followed has just been renamed into the scope. Its
  // earlier rows are not on the target, so following it from here on would lose them silently.
  const auto before = catalog_ == nullptr ? nullptr : catalog_->Find(collection.id);
  if (before != nullptr && before->state == ObjectState::kCreated) {
    const CollectionName name{catalog_->DatabaseName(before->database), before->name};
    if (parts_.scope->LeavesToOlder(name)) {
      return false;  // an older task has begun it and follows it under its new name
    }
    route_failure_ = !route_failure_.ok()
                         ? route_failure_
                         : FailedPreconditionError("collection " + name.ToString() +
                                                   " has been renamed to " + match.name.ToString() +
                                                   ", which this task covers, but its rows up to "
                                                   "now are not on the target; resume the task to "
                                                   "replicate it from now on, or delete the task "
                                                   "and create it again with start_from earliest");
    return false;
  }
  routes_.emplace(collection.id,
                  Route{.collection = match.collection,
                        .name = match.name,
                        .key = {.id = key->id, .is_string = key->type != DataType::kInt64}});
  return true;
}

void RowRouter::FollowChannels() {
  // Collections share channels, and a subscriber follows a channel once: all routes are looked at
  // before any channel is followed, so that it begins at the earliest of their places.
  std::map<std::string, ReadingStart::Place> to_follow;
  std::map<std::string, std::set<CollectionId>> collections;
  const std::set<std::string> waiting = ChannelsOfCopies();
  for (const auto& [id, route] : routes_) {
    for (const std::string& channel : route.collection->pchannels) {
      if (waiting.contains(channel)) {
        continue;
      }
      const auto followed = channels_.find(channel);
      if (followed != channels_.end()) {
        // Nothing of it has been missed: a group is delivered only after a catalog that holds all
        // collections it has rows of.
        followed->second->collections.insert(id);
        continue;
      }
      collections[channel].insert(id);
      ReadingStart::Place start = start_.Of(*route.collection, channel);
      const auto [best, added] = to_follow.try_emplace(channel, start);
      if (!added && ReadingStart::IsBefore(start, best->second, *parts_.log)) {
        best->second = std::move(start);
      }
    }
  }
  for (const auto& [channel, start] : to_follow) {
    Follow(channel, start, std::move(collections[channel]));
  }
}

// A channel is read once, so all its collections wait until those that are copied can go on.
std::set<std::string> RowRouter::ChannelsOfCopies() const {
  std::set<std::string> channels;
  for (const auto& [id, route] : routes_) {
    if (start_.IsCopying(id)) {
      channels.insert(route.collection->pchannels.begin(), route.collection->pchannels.end());
    }
  }
  return channels;
}

void RowRouter::OnCopied(CollectionId collection, const std::map<std::string, Takeover>& takeover) {
  {
    MutexLock lock(mutex_);
    start_.SetCopied(collection, takeover);
    FollowChannels();
  }
  LogFollowed();
}

void RowRouter::LogFollowed() {
  std::vector<std::string> followed;
  {
    MutexLock lock(mutex_);
    followed = std::exchange(followed_, {});
  }
  for (const std::string& line : followed) {
    spdlog::info("{}", line);
  }
}

void RowRouter::ShowWhetherIdle() {
  parts_.conditions->SetIdle(routes_.empty() ? "scope: no collection of the source matches " +
                                                   parts_.scope->Describe() +
                                                   " yet; the task begins as soon as one appears"
                                             : "");
}

void RowRouter::Follow(const std::string& channel,
                       const ReadingStart::Place& start,
                       std::set<CollectionId> collections) {
  auto followed = std::make_unique<Channel>(channel, start.from);
  if (const ChannelCheckpoint* saved = start_.Checkpoint(channel)) {
    // Wherever reading begins: they may belong to a collection younger than the checkpoint.
    for (const MsgId& id : saved->applied) {
      followed->applied.insert(id.bytes);
    }
  }
  followed->doubt = start_.Doubt(channel);
  followed->followed_unix_ms = options_.clock->UnixMs();
  followed->collections = std::move(collections);
  followed_.push_back(
      "channel=" + channel + " follow from " +
      (start.from.position ? parts_.log->FormatId(start.from.position->id) : "its first record") +
      " ts=" + std::to_string(start.from.resolved.value));
  channels_[channel] = std::move(followed);
  parts_.feed->Follow(this, channel, true, start.from);
}

void RowRouter::Forget(CollectionId collection) {
  MutexLock lock(mutex_);
  routes_.erase(collection);
  forgotten_.insert(collection);  // an older catalog that still holds it may be on its way here
  ShowWhetherIdle();
  FollowChannels();  // some may have waited for its copy
  for (auto channel = channels_.begin(); channel != channels_.end();) {
    channel->second->collections.erase(collection);
    // Milvus sends no ticks on a channel without collections, so it would be reported as silent.
    if (channel->second->collections.empty()) {
      parts_.feed->Unfollow(this, channel->first);
      channel = channels_.erase(channel);
    } else {
      ++channel;
    }
  }
}

// ---- Calls from the feed ---------------------------------------------------------------------

size_t RowRouter::Room(const std::string& channel) {
  if (failed_) {
    return 0;
  }
  MutexLock lock(mutex_);
  const size_t share =
      std::max<size_t>(options_.waiting_bytes / std::max<size_t>(channels_.size(), 1), 1U << 20);
  // A poll adds to what is already waiting, so it gets only a part of the share.
  const size_t room =
      std::clamp(share / 8, std::min(kLeastPoll, options_.poll_bytes), options_.poll_bytes);
  const auto found = channels_.find(channel);
  if (found == channels_.end()) {
    return room;  // the replicate channel
  }
  Channel& followed = *found->second;
  const size_t pending = followed.tracker->pending_bytes();
  // Held bytes alone must not stop reading: the tick that releases them has yet to be read. Once
  // full, a channel stays so until half of its share is free, so that it does not flip with every
  // acknowledgement; the feed may have to start a second reader each time.
  followed.full =
      pending > 0 && pending + followed.held_bytes > (followed.full ? share / 2 : share);
  return followed.full ? 0 : room;
}

void RowRouter::OnRead(const std::string& channel, const MsgId& last, size_t held_bytes) {
  MutexLock lock(mutex_);
  const auto found = channels_.find(channel);
  if (found != channels_.end()) {
    found->second->read_to = last;
    found->second->held_bytes = held_bytes;
  }
}

void RowRouter::OnStatus(const std::string& channel, const Status& status) {
  const std::string part = "channel " + channel;
  if (status.ok() || IsRetryable(status)) {
    parts_.conditions->Set(part, status);
  } else if (!failed_) {
    Fail(status.WithContext(part));
  }
}

Status RowRouter::WithPlace(const Status& status,
                            const std::string& channel,
                            const MsgId& id) const {
  return status.WithContext("channel " + channel + ": position " + parts_.log->FormatId(id));
}

void RowRouter::OnDamaged(const std::string& channel, const MsgId& id, const Status& why) {
  if (failed_) {
    return;
  }
  const Status status = undecodable_.Handle(WithPlace(why, channel, id));
  if (!status.ok()) {
    Fail(status);
  }
}

void RowRouter::OnRecord(const std::string& channel, const LogRecord& record) {
  if (failed_) {
    return;
  }
  auto flush = DecodeFlush(record.payload);
  if (!flush.ok()) {
    OnDamaged(channel, record.id, flush.status());
    return;
  }
  std::shared_ptr<AckTracker> flushes;
  {
    MutexLock lock(mutex_);
    flushes = flushes_;
  }
  // Other records form an empty group: they move the position like a flush that is done.
  std::vector<AckTracker::TrackedRecord> records;
  if (flush->has_value()) {
    records.push_back({.id = record.id});
  }
  const uint64_t group = flushes->AddGroup(Timestamp{}, record.id, std::move(records));
  if (flush->has_value()) {
    parts_.on_flush(**flush, [flushes, group] { flushes->Ack({.group = group, .index = 0}); });
  }
}

void RowRouter::OnGroup(const std::string& channel, const FeedGroup& group) {
  if (failed_) {
    return;
  }
  Status status;
  {
    MutexLock lock(mutex_);
    const auto found = channels_.find(channel);
    if (found == channels_.end()) {
      return;
    }
    found->second->last_tick_unix_ms = options_.clock->UnixMs();
    late_messages_ += group.late;
    status = RouteGroup(channel, *found->second, group);
  }
  // Not under the lock: on_fatal may query the router.
  if (!status.ok()) {
    Fail(status);
  }
}

// ---- State of the channels -------------------------------------------------------------------

bool RowRouter::Follows(CollectionId collection) const {
  MutexLock lock(mutex_);
  return routes_.contains(collection);
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
  return found == channels_.end() ? catalog_ != nullptr
                                  : found->second->tracker->checkpoint() >= ts;
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
      if (!begun || parts_.log->Compare({id}, checkpoint.position) >= 0) {
        checkpoint.applied.push_back({id});
      }
    }
    checkpoints.push_back(
        {.saved = std::move(checkpoint), .resolved = channel->tracker->resolved()});
  }
  if (flushes_ != nullptr) {
    ChannelCheckpoint checkpoint = flushes_->Snapshot();
    if (!checkpoint.position.empty()) {
      // A flush can be repeated, so flushes done beyond the position need not be remembered.
      checkpoint.applied.clear();
      checkpoints.push_back({.saved = std::move(checkpoint), .resolved = {}});
    }
  }
  return checkpoints;
}

uint64_t RowRouter::acknowledged() const {
  MutexLock lock(mutex_);
  uint64_t records = flushes_ == nullptr ? 0 : flushes_->acknowledged();
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
                        .last_tick_unix_ms = channel->last_tick_unix_ms});
  }
  return statuses;
}

std::optional<RowRouter::Silence> RowRouter::LongestSilence(
    std::chrono::milliseconds at_least) const {
  std::optional<Silence> longest;
  const int64_t latest = options_.clock->UnixMs() - at_least.count();
  MutexLock lock(mutex_);
  for (const auto& [name, channel] : channels_) {
    // A full channel is not read, so its silence is no news. One that was followed only now has
    // not had the time to bring a tick.
    const int64_t since = std::max(channel->last_tick_unix_ms, channel->followed_unix_ms);
    if (!channel->full && since <= latest && (!longest || since < longest->since_unix_ms)) {
      longest = Silence{.channel = name, .since_unix_ms = since};
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
