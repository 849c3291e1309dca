#include "pipeline/source_reader.h"

#include <algorithm>
#include <functional>
#include <string_view>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/backoff.h"
#include "base/thread.h"
#include "decode/decode.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPollTimeout{200};
constexpr size_t kLeastPoll = 256U << 10;
// What a record costs in memory beside its bytes, roughly: many are small.
constexpr size_t kRecordOverhead = 512;
// No tick of a source is so far ahead of our clock.
constexpr int64_t kMostAheadMs = 24LL * 3600 * 1000;

bool IsRow(const Message& message) {
  return (message.type == MessageType::kInsert || message.type == MessageType::kDelete) &&
         message.rows > 0;
}

const Column* FindColumn(const Message& message, FieldId field) {
  const auto found = std::find_if(message.columns.begin(), message.columns.end(),
                                  [field](const Column& column) { return column.field == field; });
  return found == message.columns.end() ? nullptr : &*found;
}

// A tick that is believed moves the checkpoint beyond every row to come: a damaged one would lose
// them all.
Result<MessagePtr> DecodePlausible(const MsgId& id, Payload payload) {
  auto message = DecodeMessage(id, std::move(payload));
  if (message.ok() && (*message)->type == MessageType::kTick &&
      (*message)->ts.UnixMs() > NowUnixMs() + kMostAheadMs) {
    return DataLossError("a tick of the time " + std::to_string((*message)->ts.value) +
                         ", more than a day ahead of the clock of this machine");
  }
  return message;
}

}  // namespace

SourceReader::Channel::Channel(std::string channel_name,
                               MsgId start,
                               Timestamp skip,
                               const std::vector<MsgId>& done)
    : name(std::move(channel_name)),
      tracker(std::make_shared<AckTracker>(name, std::move(start), skip)),
      order(skip) {
  for (const MsgId& id : done) {
    applied.insert(id.bytes);
  }
}

SourceReader::SourceReader(Parts parts, Options options, MetaStore::Progress progress)
    : parts_(std::move(parts)), options_(options), undecodable_(options.on_undecodable) {
  for (ChannelCheckpoint& checkpoint : progress.channels) {
    const std::string channel = checkpoint.channel;
    checkpoints_at_start_[channel] = std::move(checkpoint);
  }
  for (ReplicatedCollection& collection : progress.collections) {
    const CollectionId id = collection.id;
    known_at_start_[id] = std::move(collection);
  }
}

void SourceReader::Run(const std::stop_token& stop) {
  Backoff backoff({});
  while (!stop.stop_requested()) {
    const Status status = ReadOnce(stop);
    if (status.ok()) {
      if (backoff.attempts() > 0) {
        parts_.conditions->Set("source", OkStatus());
        backoff.Reset();
      }
      continue;
    }
    if (status.code() == StatusCode::kCancelled) {
      return;
    }
    if (!IsRetryable(status)) {
      parts_.on_fatal(status);
      return;
    }
    if (backoff.attempts() == 0) {
      spdlog::warn("reading the source: {}; retrying", status.ToString());
    }
    parts_.conditions->Set("source", status);
    Pause(backoff.Next(), stop);
  }
}

Status SourceReader::ReadOnce(const std::stop_token& stop) {
  if (reader_ == nullptr) {
    CDC_RETURN_IF_ERROR(SyncCatalog(stop));
    CDC_ASSIGN_OR_RETURN(reader_, parts_.log->NewReader());
    CDC_RETURN_IF_ERROR(AddReplicateChannel());
  }
  const std::shared_ptr<const Catalog> current = parts_.catalog->Current();
  if (current != catalog_ || !following_) {
    catalog_ = current;
    following_ = false;
    CDC_RETURN_IF_ERROR(UpdateRoutes(*current));
    following_ = true;
  }
  DropFinishedRoutes();
  const size_t poll_bytes = UpdatePauses();
  std::vector<LogBatch> batches;
  CDC_RETURN_IF_ERROR(reader_->Poll(poll_bytes, kPollTimeout, stop, &batches));
  Status failure;
  for (LogBatch& batch : batches) {
    const Status status = batch.status.ok() ? HandleBatch(batch, stop)
                                            : batch.status.WithContext("channel " + batch.channel);
    // The other channels go on: a retryable error of one is tried again by the next poll.
    if (!status.ok() && (failure.ok() || IsRetryable(failure))) {
      failure = status;
    }
  }
  return failure;
}

Status SourceReader::SyncCatalog(const std::stop_token& stop) {
  Backoff backoff({});
  while (!stop.stop_requested()) {
    auto synced = parts_.catalog->Sync(stop);
    if (synced.ok()) {
      if (backoff.attempts() > 0) {
        parts_.conditions->Set("source catalog", OkStatus());
      }
      catalog_ = *synced;
      return OkStatus();
    }
    if (!IsRetryable(synced.status())) {
      return synced.status().WithContext("source catalog");
    }
    parts_.conditions->Set("source catalog", synced.status());
    Pause(backoff.Next(), stop);
  }
  return CancelledError("stopped");
}

Status SourceReader::AddReplicateChannel() {
  if (parts_.replicate_channel.empty()) {
    return OkStatus();
  }
  std::optional<LogPosition> start;
  MsgId position;
  const auto saved = checkpoints_at_start_.find(parts_.replicate_channel);
  if (saved != checkpoints_at_start_.end() && !saved->second.position.empty()) {
    position = saved->second.position;
    start = LogPosition{.id = position, .inclusive = false};
  }
  {
    MutexLock lock(mutex_);
    flushes_ = std::make_shared<AckTracker>(parts_.replicate_channel, position, Timestamp{});
  }
  return reader_->Add(parts_.replicate_channel, start);
}

Status SourceReader::UpdateRoutes(const Catalog& catalog) {
  for (const auto& [id, collection] : catalog.collections) {
    if (collection->state == ObjectState::kCreated) {
      AddRoute(catalog, collection);
    }
  }
  return FollowChannels();
}

void SourceReader::AddRoute(const Catalog& catalog,
                            const std::shared_ptr<const Collection>& collection) {
  MutexLock lock(mutex_);
  const auto found = routes_.find(collection->id);
  if (found != routes_.end()) {
    found->second.collection = collection;
    return;
  }
  const Field* key = collection->schema.PrimaryKey();
  const CollectionName name{catalog.DatabaseName(collection->database), collection->name};
  // One that the task has begun is followed whatever it is called by now.
  const auto known = known_at_start_.find(collection->id);
  if (key == nullptr || (known == known_at_start_.end() && !parts_.scope->Covers(name))) {
    return;
  }
  Route route{.collection = collection,
              .name = name,
              .primary_key = key->id,
              .string_key = key->type != DataType::kInt64,
              .skip_until = {}};
  if (known != known_at_start_.end()) {
    route.skip_until = known->second.skip_until;
  }
  routes_.emplace(collection->id, std::move(route));
}

SourceReader::Start SourceReader::StartOf(const Route& route, const std::string& channel) const {
  const auto saved = checkpoints_at_start_.find(channel);
  if (saved != checkpoints_at_start_.end() && route.collection->created <= saved->second.ts) {
    return {saved->second.position, saved->second.ts, true};
  }
  const auto skip = route.skip_until.find(channel);
  if (skip != route.skip_until.end()) {
    return {skip->second, Timestamp{}, false};
  }
  const auto created = route.collection->start_positions.find(channel);
  return {created == route.collection->start_positions.end() ? MsgId{} : created->second,
          Timestamp{}, false};
}

Status SourceReader::FollowChannels() {
  std::map<std::string, Start> to_follow;
  std::map<std::string, std::set<CollectionId>> collections;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, route] : routes_) {
      for (const std::string& channel : route.collection->pchannels) {
        const auto followed = channels_.find(channel);
        if (followed != channels_.end()) {
          followed->second->collections.insert(id);
          continue;
        }
        collections[channel].insert(id);
        Start start = StartOf(route, channel);
        const auto [best, added] = to_follow.try_emplace(channel, start);
        if (!added && !best->second.from_checkpoint &&
            (start.from_checkpoint || start.id.empty() ||
             (!best->second.id.empty() && parts_.log->Compare(start.id, best->second.id) < 0))) {
          best->second = std::move(start);
        }
      }
    }
  }
  for (const auto& [channel, start] : to_follow) {
    CDC_RETURN_IF_ERROR(Follow(channel, start, collections[channel]));
  }
  return OkStatus();
}

Status SourceReader::Follow(const std::string& channel,
                            const Start& start,
                            const std::set<CollectionId>& collections) {
  std::optional<LogPosition> position;
  if (!start.id.empty()) {
    position = LogPosition{.id = start.id, .inclusive = true};
    CDC_RETURN_IF_ERROR(parts_.log->CheckPosition(channel, *position));
  }
  std::vector<MsgId> applied;
  bool in_doubt = false;
  if (start.from_checkpoint) {
    const ChannelCheckpoint& checkpoint = checkpoints_at_start_.at(channel);
    applied = checkpoint.applied;
    in_doubt = checkpoint.horizon > checkpoint.ts;
  } else {
    // Begun before, and ended before its first checkpoint.
    in_doubt = std::any_of(collections.begin(), collections.end(), [this](CollectionId id) {
      const auto known = known_at_start_.find(id);
      return known != known_at_start_.end() && known->second.on_target;
    });
  }
  std::optional<MsgId> doubt_until;
  if (in_doubt) {
    CDC_ASSIGN_OR_RETURN(doubt_until, parts_.log->Latest(channel));
  }
  CDC_RETURN_IF_ERROR(reader_->Add(channel, position));
  auto followed = std::make_unique<Channel>(channel, start.id, start.skip, applied);
  followed->doubt_until = std::move(doubt_until);
  followed->collections = collections;
  spdlog::info("channel={} follow from {} ts={}", channel,
               start.id.empty() ? "its first record" : parts_.log->FormatId(start.id),
               start.skip.value);
  MutexLock lock(mutex_);
  channels_[channel] = std::move(followed);
  return OkStatus();
}

void SourceReader::DropFinishedRoutes() {
  std::vector<CollectionId> finished;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, route] : routes_) {
      const auto now = catalog_->Find(id);
      if ((now == nullptr || now->state != ObjectState::kCreated) &&
          parts_.writer->IsDiscarded(id)) {
        finished.push_back(id);
      }
    }
  }
  for (const CollectionId id : finished) {
    MutexLock lock(mutex_);
    routes_.erase(id);
    for (auto channel = channels_.begin(); channel != channels_.end();) {
      channel->second->collections.erase(id);
      if (channel->second->collections.empty()) {
        spdlog::info("channel={} no collection left, no longer followed", channel->first);
        reader_->Remove(channel->first);
        channel = channels_.erase(channel);
      } else {
        ++channel;
      }
    }
  }
}

size_t SourceReader::UpdatePauses() {
  MutexLock lock(mutex_);
  const size_t share =
      std::max<size_t>(options_.waiting_bytes / std::max<size_t>(channels_.size(), 1), 1U << 20);
  for (auto& [name, channel] : channels_) {
    const size_t pending = channel->tracker->pending_bytes();
    const size_t waiting = pending + channel->held_bytes;
    // What is held alone is no reason: the tick that frees it is still to be read.
    const bool pause = pending > 0 && waiting > (channel->paused ? share / 2 : share);
    if (pause != channel->paused) {
      channel->paused = pause;
      reader_->SetPaused(name, pause);
    }
  }
  // A poll comes on top of what was waiting when it began.
  return std::clamp(share / 8, std::min(kLeastPoll, options_.poll_bytes), options_.poll_bytes);
}

size_t SourceReader::held_bytes() const {
  MutexLock lock(mutex_);
  size_t bytes = 0;
  for (const auto& [name, channel] : channels_) {
    bytes += channel->held_bytes;
  }
  return bytes;
}

Status SourceReader::HandleBatch(LogBatch& batch, const std::stop_token& stop) {
  if (batch.channel == parts_.replicate_channel) {
    return HandleReplicate(batch);
  }
  Channel* channel = nullptr;
  {
    MutexLock lock(mutex_);
    const auto found = channels_.find(batch.channel);
    if (found == channels_.end()) {
      return OkStatus();
    }
    channel = found->second.get();
  }
  for (LogRecord& record : batch.records) {
    const MsgId id = record.id;
    auto message = DecodePlausible(record.id, std::move(record.payload));
    if (!message.ok()) {
      CDC_RETURN_IF_ERROR(
          undecodable_.Handle(message.status().WithContext(PlaceOf(channel->name, id))));
    } else if (auto group = channel->order.Push(*std::move(message))) {
      CDC_RETURN_IF_ERROR(HandleGroup(*channel, *std::move(group), stop));
    }
    MutexLock lock(mutex_);
    channel->read_to = id;
    channel->held_bytes = channel->order.held_bytes();
  }
  return OkStatus();
}

Result<const SourceReader::Route*> SourceReader::FindRoute(CollectionId id,
                                                           const std::stop_token& stop) {
  const auto lookup = [this, id]() -> const Route* {
    MutexLock lock(mutex_);
    const auto found = routes_.find(id);
    return found == routes_.end() ? nullptr : &found->second;
  };
  const Route* route = lookup();
  if (route != nullptr || ignored_.contains(id) || catalog_->Find(id) != nullptr) {
    return route;
  }
  // Unknown: created since the snapshot, or gone. Only the source can tell.
  CDC_RETURN_IF_ERROR(SyncRoutes(stop));
  route = lookup();
  if (route == nullptr && catalog_->Find(id) == nullptr) {
    ignored_.insert(id);
  }
  return route;
}

Status SourceReader::SyncRoutes(const std::stop_token& stop) {
  CDC_RETURN_IF_ERROR(SyncCatalog(stop));
  const Status followed = UpdateRoutes(*catalog_);
  if (!followed.ok()) {
    if (!IsRetryable(followed)) {
      return followed;
    }
    following_ = false;  // the routes are there; their channels are followed by the next round
  }
  return OkStatus();
}

Result<bool> SourceReader::HasPartition(const Route& route,
                                        const Message& message,
                                        const std::stop_token& stop) {
  const PartitionId partition = message.partition;
  const auto known = [&] {
    return partition == kAllPartitions || route.collection->schema.HasPartitionKey() ||
           route.collection->FindPartition(partition) != nullptr;
  };
  if (known()) {
    return true;
  }
  if (!ignored_partitions_.contains(partition)) {
    CDC_RETURN_IF_ERROR(SyncRoutes(stop));
    if (known()) {
      return true;
    }
    ignored_partitions_.insert(partition);
  }
  return false;
}

bool SourceReader::IsWanted(const Channel& channel,
                            const Route& route,
                            const Message& message) const {
  const auto skip = route.skip_until.find(channel.name);
  return skip == route.skip_until.end() || skip->second.empty() ||
         parts_.log->Compare(message.id, skip->second) > 0;
}

bool SourceReader::InDoubt(const Channel& channel, const Message& message) const {
  return channel.doubt_until.has_value() &&
         parts_.log->Compare(message.id, *channel.doubt_until) <= 0;
}

Result<PendingRows> SourceReader::MakeRows(const Route& route, RowEvent event) const {
  const Message& message = *event.message;
  PendingRows rows;
  rows.op = event.op;
  rows.bytes = message.payload.bytes.size();
  KeyColumn keys = message.keys;
  if (message.type == MessageType::kInsert) {
    const Column* column = FindColumn(message, route.primary_key);
    if (column == nullptr) {
      return DataLossError("an insert without the primary key, collection " +
                           route.name.ToString());
    }
    keys = {.is_string = route.string_key, .body = column->body};
  }
  rows.keys.reserve(message.rows);
  if (!AppendKeyHashes(keys, &rows.keys) || rows.keys.size() != message.rows) {
    return DataLossError("malformed primary keys, collection " + route.name.ToString());
  }
  rows.message = std::move(event.message);
  return rows;
}

std::string SourceReader::PlaceOf(const std::string& channel, const MsgId& id) const {
  return "channel " + channel + ": position " + parts_.log->FormatId(id);
}

Status SourceReader::HandleGroup(Channel& channel, TickGroup group, const std::stop_token& stop) {
  struct Shard {
    const Route* route;
    std::vector<MessagePtr> messages;
  };
  std::map<std::string_view, Shard> shards;  // by vchannel
  for (const MessagePtr& message : group.messages) {
    if (!IsRow(*message)) {
      continue;
    }
    CDC_ASSIGN_OR_RETURN(const Route* route, FindRoute(message->collection, stop));
    if (route == nullptr || !IsWanted(channel, *route, *message)) {
      continue;
    }
    CDC_ASSIGN_OR_RETURN(const bool has_partition, HasPartition(*route, *message, stop));
    if (has_partition) {
      Shard& shard = shards[message->vchannel];
      shard.route = route;
      shard.messages.push_back(message);
    }
  }
  struct Push {
    CollectionId collection;
    std::string vchannel;
    std::vector<PendingRows> rows;
  };
  std::vector<Push> pushes;
  std::vector<AckTracker::Record> records;
  for (auto& [vchannel, shard] : shards) {
    Push push{shard.route->collection->id, std::string(vchannel), {}};
    for (RowEvent& event : PairUpserts(shard.messages, shard.route->primary_key)) {
      // After the pairing: it needs all messages of a time to see the upserts.
      if (channel.applied.contains(event.message->id.bytes)) {
        continue;
      }
      const std::vector<MessagePtr> also = event.also;
      const MsgId id = event.message->id;
      Result<PendingRows> made = MakeRows(*shard.route, std::move(event));
      if (!made.ok()) {
        CDC_RETURN_IF_ERROR(
            undecodable_.Handle(made.status().WithContext(PlaceOf(channel.name, id))));
        continue;
      }
      PendingRows rows = *std::move(made);
      if (rows.op == RowOp::kInsert && InDoubt(channel, *rows.message)) {
        rows.op = RowOp::kUpsert;
      }
      const auto add = [&](const MessagePtr& message) {
        rows.tickets.push_back({.group = 0, .index = static_cast<uint32_t>(records.size())});
        records.push_back(
            {.id = message->id, .bytes = message->payload.bytes.size() + kRecordOverhead});
      };
      add(rows.message);
      std::for_each(also.begin(), also.end(), add);
      push.rows.push_back(std::move(rows));
    }
    pushes.push_back(std::move(push));
  }
  const uint64_t number =
      channel.tracker->AddGroup(group.resolved, group.restart, std::move(records));
  for (Push& push : pushes) {
    for (PendingRows& rows : push.rows) {
      for (AckTracker::Ticket& ticket : rows.tickets) {
        ticket.group = number;
      }
    }
    parts_.writer->Push(push.collection, push.vchannel, channel.tracker, std::move(push.rows));
  }
  return OkStatus();
}

Status SourceReader::HandleReplicate(const LogBatch& batch) {
  std::shared_ptr<AckTracker> flushes;
  {
    MutexLock lock(mutex_);
    flushes = flushes_;
  }
  for (const LogRecord& record : batch.records) {
    auto flush = DecodeFlush(record.payload);
    if (!flush.ok()) {
      CDC_RETURN_IF_ERROR(
          undecodable_.Handle(flush.status().WithContext(PlaceOf(batch.channel, record.id))));
      continue;
    }
    std::vector<AckTracker::Record> records;
    if (flush->has_value()) {
      records.push_back({.id = record.id, .bytes = 0});
    }
    const uint64_t group = flushes->AddGroup(Timestamp{}, record.id, std::move(records));
    if (flush->has_value()) {
      parts_.on_flush(**flush, [flushes, group] { flushes->Ack({.group = group, .index = 0}); });
    }
  }
  return OkStatus();
}

bool SourceReader::HasReadTo(const std::string& channel, const std::optional<MsgId>& end) const {
  MutexLock lock(mutex_);
  const auto found = channels_.find(channel);
  if (found == channels_.end() || !end.has_value()) {
    return true;
  }
  const MsgId& read_to = found->second->read_to;
  return !read_to.empty() && parts_.log->Compare(read_to, *end) >= 0;
}

bool SourceReader::HasAppliedTo(const std::string& channel, Timestamp ts) const {
  MutexLock lock(mutex_);
  const auto found = channels_.find(channel);
  return found == channels_.end() || found->second->tracker->checkpoint() >= ts;
}

std::vector<ChannelCheckpoint> SourceReader::Checkpoints() const {
  std::vector<ChannelCheckpoint> checkpoints;
  MutexLock lock(mutex_);
  for (const auto& [name, channel] : channels_) {
    ChannelCheckpoint checkpoint = channel->tracker->Snapshot();
    if (checkpoint.ts > Timestamp{}) {
      const bool in_doubt = channel->doubt_until.has_value() &&
                            parts_.log->Compare(checkpoint.position, *channel->doubt_until) <= 0;
      checkpoint.horizon = in_doubt ? kAnyTime : Timestamp{};
      checkpoints.push_back(std::move(checkpoint));
    }
  }
  if (flushes_ != nullptr) {
    ChannelCheckpoint checkpoint = flushes_->Snapshot();
    if (!checkpoint.position.empty()) {
      checkpoint.applied.clear();
      checkpoints.push_back(std::move(checkpoint));
    }
  }
  return checkpoints;
}

std::vector<ChannelStatus> SourceReader::ChannelStatuses() const {
  std::vector<ChannelStatus> statuses;
  MutexLock lock(mutex_);
  for (const auto& [name, channel] : channels_) {
    ChannelCheckpoint checkpoint = channel->tracker->Snapshot();
    statuses.push_back({.channel = name,
                        .resolved = channel->tracker->resolved(),
                        .checkpoint = checkpoint.ts,
                        .position = std::move(checkpoint.position)});
  }
  return statuses;
}

std::vector<CollectionName> SourceReader::Covered() const {
  std::vector<CollectionName> names;
  MutexLock lock(mutex_);
  for (const auto& [id, route] : routes_) {
    names.push_back(route.name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace cdc
