#include <algorithm>
#include <iterator>
#include <utility>

#include "rows/row_router.h"

// What the router does with what the feed delivers.
namespace cdc {
namespace {

// Polls are never smaller, however many channels share the memory.
constexpr size_t kLeastPoll = 256U << 10;

// The part of the group up to `end`. Whoever goes on from there needs the rest of the group, which
// begins at the `restart` of the group before.
FeedGroup CutAt(const FeedGroup& group, Timestamp end, const MsgId& restart) {
  FeedGroup part{.resolved = end, .restart = restart, .rows = {}, .breaks = {}};
  const auto take = [end](const std::vector<MessagePtr>& from, std::vector<MessagePtr>* to) {
    std::ranges::copy_if(from, std::back_inserter(*to),
                         [end](const MessagePtr& message) { return message->ts <= end; });
  };
  for (const FeedGroup::Rows& rows : group.rows) {
    part.rows.push_back({.collection = rows.collection, .messages = {}});
    take(rows.messages, &part.rows.back().messages);
  }
  take(group.breaks, &part.breaks);
  return part;
}

}  // namespace

bool RowRouter::HasEnded(const Channel& channel) const {
  return options_.stop_at > Timestamp{} && channel.tracker->resolved() >= options_.stop_at;
}

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
      (pending > 0 && pending + followed.held_bytes > (followed.full ? share / 2 : share)) ||
      std::ranges::any_of(followed.collections, parts_.is_full);
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
  } else if (status.code() == StatusCode::kOutOfRange && channel == parts_.replicate_channel) {
    parts_.conditions->Set(
        part, UnavailableError("flushes and passwords are not repeated until the task is paused "
                               "and resumed: " +
                               status.message()));
  } else if (!failed_ && status.code() == StatusCode::kOutOfRange) {
    failed_ = true;
    parts_.on_expired(channel, status.WithContext(part));
  } else if (!failed_) {
    Fail(status.WithContext(part));
  }
}

Status RowRouter::WithPlace(const Status& status,
                            const std::string& channel,
                            const MsgId& id) const {
  return status.WithContext("channel " + channel + ": position " + parts_.log->FormatId(id));
}

void RowRouter::OnDamaged(const std::string& channel,
                          const MsgId& id,
                          std::optional<CollectionId> collection,
                          const Status& why) {
  if (failed_) {
    return;
  }
  {
    MutexLock lock(mutex_);
    if (const auto followed = channels_.find(channel);
        followed != channels_.end() && HasEnded(*followed->second)) {
      return;
    }
    // An id that the source does not know may be damaged itself.
    const bool known =
        collection.has_value() && catalog_ != nullptr && catalog_->Find(*collection) != nullptr;
    const bool routed = known && routes_.contains(*collection) && !start_.IsAside(*collection);
    if (known && !routed) {
      return;
    }
    collection = routed ? collection : std::nullopt;
  }
  const Status status = undecodable_.Handle(WithPlace(why, channel, id));
  if (status.ok()) {
    return;
  }
  if (collection.has_value()) {
    failed_ = true;
    parts_.on_collection_failed(*collection, status);
  } else {
    Fail(status);
  }
}

void RowRouter::OnRecord(const std::string& channel, const LogRecord& record) {
  if (failed_) {
    return;
  }
  const auto request = DecodeReplicated(record.payload, parts_.follows_access);
  if (!request.ok()) {
    OnDamaged(channel, record.id, std::nullopt, request.status());
    return;
  }
  std::shared_ptr<AckTracker> requests;
  {
    MutexLock lock(mutex_);
    requests = requests_;
  }
  const auto* flush = std::get_if<FlushRequestInfo>(&*request);
  if (flush != nullptr && options_.stop_at > Timestamp{} && flush->ts > options_.stop_at) {
    flush = nullptr;
  }
  const auto* password = std::get_if<PasswordChange>(&*request);
  // Other records form an empty group: they move the position like a request that is done.
  std::vector<AckTracker::TrackedRecord> records;
  if (flush != nullptr || password != nullptr) {
    records.push_back({.id = record.id});
  }
  // Only flushes are dated, and the clock of a source may go back.
  const Timestamp ts = std::max(requests->resolved(), flush == nullptr ? Timestamp{} : flush->ts);
  const uint64_t group = requests->AddGroup(ts, record.id, std::move(records));
  const auto done = [requests, group] { requests->Ack({.group = group, .index = 0}); };
  if (flush != nullptr) {
    parts_.on_flush(*flush, done);
  } else if (password != nullptr) {
    parts_.on_password(*password, done);
  }
}

void RowRouter::OnGroup(const std::string& channel, const FeedGroup& group) {
  if (failed_) {
    return;
  }
  Status status;
  std::optional<CollectionId> collection;
  std::vector<std::string> lines;
  {
    MutexLock lock(mutex_);
    const auto found = channels_.find(channel);
    if (found == channels_.end()) {
      return;
    }
    found->second->last_tick_unix_ms = options_.clock->UnixMs();
    late_messages_ += group.late;
    unknown_messages_ += group.unknown;
    Channel& followed = *found->second;
    if (HasEnded(followed)) {
      return;
    }
    const bool is_last = options_.stop_at > Timestamp{} && group.resolved > options_.stop_at;
    status = RouteGroup(channel, followed,
                        is_last ? CutAt(group, options_.stop_at, followed.restart) : group);
    followed.restart = group.restart;
    collection = failed_collection_;
    lines = TakeLogLines();
  }
  WriteLog(lines);
  // Not under the lock: the callbacks may query the router.
  if (!status.ok() && collection.has_value()) {
    failed_ = true;
    parts_.on_collection_failed(*collection, status);
  } else if (!status.ok()) {
    Fail(status);
  }
}

}  // namespace cdc
