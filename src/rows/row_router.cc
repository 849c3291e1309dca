#include "rows/row_router.h"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/backoff.h"
#include "base/thread.h"

namespace cdc {

RowRouter::Channel::Channel(const std::string& name, const FeedStart& start)
    : tracker(std::make_shared<AckTracker>(
          name, start.position ? start.position->id : MsgId{}, start.resolved)),
      restart(start.position ? start.position->id : MsgId{}) {}

RowRouter::RowRouter(Parts parts, Options options, const MetaStore::Progress& progress)
    : parts_(std::move(parts)),
      options_(options),
      undecodable_(options.on_undecodable),
      start_(progress,
             {.forget_doubts = options.forget_doubts,
              .copies_show_later_rows = options.copies_show_later_rows}) {}

const ChannelCheckpoint::AppliedUntil* RowRouter::Channel::AppliedOf(CollectionId collection,
                                                                     bool* own) const {
  *own = false;
  if (!replay.has_value()) {
    return nullptr;
  }
  const auto found = replay->collections.find(collection);
  *own = found != replay->collections.end();
  return *own ? &found->second : &replay->others;
}

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
  // The channel brings no ticks, so each record is a group of its own and the checkpoint is only a
  // position: the last record that was done, hence not inclusive. Its time is only shown.
  FeedStart start;
  MsgId position;
  Timestamp ts;
  const ChannelCheckpoint* saved = start_.Checkpoint(parts_.replicate_channel);
  if (saved != nullptr && !saved->position.empty()) {
    position = saved->position;
    ts = saved->ts;
    start.position = LogPosition{.id = position, .inclusive = false};
    // It is often silent for longer than the queue holds a record; a request that is gone need not
    // be repeated.
    const Status held = parts_.log->CheckPosition(parts_.replicate_channel, *start.position);
    if (held.code() == StatusCode::kOutOfRange) {
      spdlog::warn("channel {}: {}; it is read from its oldest record", parts_.replicate_channel,
                   held.message());
      position = {};
      start.position.reset();
    }
  }
  {
    MutexLock lock(mutex_);
    requests_ = std::make_shared<AckTracker>(parts_.replicate_channel, position, ts);
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
  std::vector<std::string> lines;
  {
    MutexLock lock(mutex_);
    // Databases count as well: the reconciler creates and drops them. Other changes that do not
    // touch the task's collections wake nobody.
    changed = catalog_ == nullptr || catalog_->databases != catalog->databases ||
              (parts_.follows_access && catalog_->access != catalog->access);
    // What is set aside has no route, but its drop is carried out.
    for (const auto& [id, aside] : start_.aside()) {
      changed = changed || catalog_->Find(id) != catalog->Find(id);
    }
    changed = UpdateRoutes(*catalog) || changed;
    catalog_ = catalog;
    catalog_changes_ += changed ? 1 : 0;
    FollowChannels();
    ShowWhetherIdle();
    lines = TakeLogLines();
  }
  WriteLog(lines);
  for (const auto& [collection, why] : std::exchange(renamed_in_, {})) {
    failed_ = true;
    parts_.on_renamed_in(collection, why);
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
      if (options_.stop_at > Timestamp{}) {
        for (const Partition& partition : route.collection->partitions) {
          if (now->FindPartition(partition.id) == nullptr) {
            route.gone_partitions.insert(partition.id);
          }
        }
      }
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
  if (key == nullptr || routes_.contains(collection.id) || forgotten_.contains(collection.id) ||
      start_.IsSetAside(collection.id)) {
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
    renamed_in_.emplace(collection.id,
                        FailedPreconditionError("collection " + name.ToString() +
                                                " has been renamed to " + match.name.ToString() +
                                                ", which this task covers, but its rows up to now "
                                                "are not on the target"));
    return false;
  }
  Route route{.collection = match.collection,
              .name = match.name,
              .key = KeyFieldOf(*key),
              .gone_partitions = {}};
  const auto known = start_.known().find(collection.id);
  if (options_.stop_at > Timestamp{} && known != start_.known().end()) {
    // Those that are still there do no harm: see HasPartition.
    for (const auto& [partition, name] : known->second.partitions) {
      route.gone_partitions.insert(partition);
    }
  }
  routes_.emplace(collection.id, std::move(route));
  return true;
}

void RowRouter::FollowChannels() {
  // Collections share channels, and a subscriber follows a channel once: all routes are looked at
  // before any channel is followed, so that it begins at the earliest of their places.
  std::map<std::string, ReadingStart::Place> to_follow;
  std::map<std::string, std::set<CollectionId>> collections;
  const std::set<std::string> waiting = WaitingChannels();
  for (const auto& [id, route] : routes_) {
    if (start_.IsAside(id)) {
      continue;
    }
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
      if (added) {
        continue;
      }
      // An earlier place may have a later time (a takeover at the creation of its collection), and
      // what is not later than the time is skipped for all.
      const Timestamp resolved = std::min(start.from.resolved, best->second.from.resolved);
      if (ReadingStart::IsBefore(start, best->second, *parts_.log)) {
        best->second = std::move(start);
      }
      if (!best->second.from_checkpoint) {
        best->second.from.resolved = resolved;
      }
    }
  }
  for (const auto& [channel, start] : to_follow) {
    Follow(channel, start, std::move(collections[channel]));
  }
}

// A channel is read once, so all its collections wait until those that are copied can go on.
std::set<std::string> RowRouter::WaitingChannels() const {
  std::set<std::string> channels;
  for (const auto& [id, route] : routes_) {
    if (start_.IsWaitingForCopy(id)) {
      channels.insert(route.collection->pchannels.begin(), route.collection->pchannels.end());
    }
  }
  return channels;
}

void RowRouter::OnLogApplied(CollectionId collection,
                             const std::map<std::string, Takeover>& takeover) {
  std::vector<std::string> lines;
  {
    MutexLock lock(mutex_);
    start_.SetLogApplied(collection, takeover);
    FollowChannels();
    lines = TakeLogLines();
  }
  WriteLog(lines);
}

void RowRouter::OnCopied(CollectionId collection, const std::map<std::string, Takeover>& takeover) {
  std::vector<std::string> lines;
  {
    MutexLock lock(mutex_);
    start_.SetCopied(collection, takeover);
    FollowChannels();
    lines = TakeLogLines();
  }
  WriteLog(lines);
}

std::vector<std::string> RowRouter::TakeLogLines() { return std::exchange(log_lines_, {}); }

void RowRouter::WriteLog(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
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
    followed->replay = saved->replay;
  }
  followed->doubt = start_.Doubt(channel);
  followed->followed_unix_ms = options_.clock->UnixMs();
  followed->collections = std::move(collections);
  log_lines_.push_back(
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

}  // namespace cdc
