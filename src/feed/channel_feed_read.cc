#include <algorithm>
#include <chrono>
#include <compare>
#include <iterator>
#include <string>
#include <utility>

#include <spdlog/spdlog.h>

#include "decode/decode.h"
#include "decode/record.h"
#include "feed/channel_feed.h"
#include "feed/feed_group.h"

// How records that a cursor has read reach its followers.
namespace cdc {
namespace {

// No real tick is that far ahead of our clock.
constexpr int64_t kMostAheadMs = 24LL * 3600 * 1000;
// An outbreak of late messages ends when none has come for this time.
constexpr std::chrono::minutes kOutbreakEnd{1};

}  // namespace

void ChannelFeed::Handle(size_t slot, LogBatch* batch) {
  Cursor* cursor = cursors_.at(slot).get();
  if (cursor == nullptr) {
    return;
  }
  if (!batch->status.ok()) {
    HandleError(slot, batch->status);
    return;
  }
  HandleNoError(slot);
  std::move(batch->records.begin(), batch->records.end(), std::back_inserter(cursor->backlog));
  if (!cursor->stalled) {
    Drain(slot);
  }
}

// A stalled cursor shows the catalog's error, which a successful poll does not clear.
void ChannelFeed::HandleNoError(size_t slot) {
  if (cursors_.at(slot) == nullptr || cursors_.at(slot)->stalled) {
    return;
  }
  for (const auto& follower : followers_) {
    if (follower->slot == slot) {
      Report(follower.get(), OkStatus());
    }
  }
}

void ChannelFeed::Drain(size_t slot) {
  Cursor& cursor = *cursors_.at(slot);
  while (!cursor.backlog.empty() && !cursor.stalled) {
    const LogRecord record = std::move(cursor.backlog.front());
    cursor.backlog.pop_front();
    if (ticked_) {
      TakeMessage(slot, record);
    } else if (record.wal != nullptr) {
      Refuse(slot, record.id, FailedPreconditionError("no such message belongs here"));
    } else {
      TakeRecord(slot, record);
    }
    if (cursors_.at(slot) == nullptr) {
      return;  // the record was refused
    }
    // Merge in the middle of a batch, too: in a dense log, two cursors are seldom at the same
    // record after a poll.
    const auto& other = cursors_.at(1 - slot);
    if (other != nullptr && other->read_to == cursor.read_to) {
      Merge();
      if (cursors_.at(slot) == nullptr) {
        return;
      }
    }
  }
  if (cursor.read_to.empty()) {
    return;
  }
  for (const auto& follower : followers_) {
    if (follower->slot == slot) {
      follower->subscriber->OnRead(name_, cursor.read_to, cursor.order.held_bytes());
    }
  }
}

// Not a damaged record, which could be skipped: what follows cannot be understood without it.
void ChannelFeed::Refuse(size_t slot, const MsgId& id, const Status& why) {
  const Status status = why.WithContext(
      "position " + log_->FormatId(id) +
      ": a message of the write-ahead log of Milvus 2.6, or of a 2.5 with its streaming service");
  for (Follower* follower : FollowersOf(slot)) {
    Report(follower, status);
    Leave(follower);
  }
  Close(slot);
}

void ChannelFeed::TakeRecord(size_t slot, const LogRecord& record) {
  cursors_.at(slot)->read_to = record.id;
  for (const auto& follower : followers_) {
    if (follower->slot != slot) {
      continue;
    }
    const auto& own = follower->next.position;
    const auto order =
        own && follower->joined ? log_->Compare(record.id, own->id) : std::strong_ordering::greater;
    if (order < 0 || (order == 0 && !own->inclusive)) {
      continue;  // the cursor began before the follower's place
    }
    follower->subscriber->OnRecord(name_, record);
    follower->next.position = LogPosition{.id = record.id, .inclusive = false};
    follower->joined = false;
  }
}

// Rejects ticks in the far future. Such a tick would move the checkpoint beyond all rows to come,
// and every one of them would be skipped.
Result<WalMessage> ChannelFeed::DecodePlausible(const LogRecord& record) const {
  WalMessage decoded;
  if (record.wal != nullptr) {
    CDC_ASSIGN_OR_RETURN(decoded, DecodeWalMessage(record.id, record.payload, *record.wal));
  } else {
    CDC_ASSIGN_OR_RETURN(decoded.message, DecodeRecord(record.id, record.payload));
  }
  if (decoded.message->type == MessageType::kTick &&
      decoded.message->ts.UnixMs() > clock_->UnixMs() + kMostAheadMs) {
    return DataLossError("a tick with the time " + std::to_string(decoded.message->ts.value) +
                         ", which is more than a day ahead of this machine's clock");
  }
  return decoded;
}

// A Milvus that is newer than this program may write what changes rows in a way not known here.
void ChannelFeed::NoteUnknown(const WalMessage& message, Cursor* cursor) {
  if (IsKnown(message.type) || message.message->ts <= cursor->resolved) {
    return;  // an earlier one has been counted before a restart
  }
  ++cursor->unknown;
  if (unknown_.insert(message.type).second) {
    spdlog::warn("channel={} messages of the unknown type {} are ignored", name_,
                 static_cast<int>(message.type));
  }
}

void ChannelFeed::TakeMessage(size_t slot, const LogRecord& record) {
  Cursor& cursor = *cursors_.at(slot);
  const MsgId& id = record.id;
  Result<WalMessage> message = DecodePlausible(record);
  // Without one of its messages, a transaction cannot be told from half of one.
  const bool is_part = record.wal != nullptr && !record.wal->transaction.empty();
  if (message.status().code() == StatusCode::kFailedPrecondition || (!message.ok() && is_part)) {
    Refuse(slot, id, FailedPreconditionError(message.status().message()));
    return;
  }
  // The time of such a record is unknown, so it is not clear who still wants it: all followers get
  // it, except those that have yet to reach their place.
  if (!message.ok()) {
    const std::optional<CollectionId> collection = FindCollection(record.payload.bytes);
    cursor.read_to = id;
    for (const auto& follower : followers_) {
      const bool before = follower->joined && follower->next.position &&
                          log_->Compare(id, follower->next.position->id) < 0;
      if (follower->slot == slot && !before) {
        follower->subscriber->OnDamaged(name_, id, collection, message.status());
      }
    }
    return;
  }
  if (record.wal != nullptr) {
    NoteUnknown(*message, &cursor);
  }
  const size_t cut_off = cursor.order.cut_off();
  std::optional<TickGroup> group = cursor.order.Push(*std::move(message));
  if (cursor.order.cut_off() > cut_off) {
    spdlog::warn(
        "channel={} a transaction that ends at {} began before reading did: it is left out", name_,
        log_->FormatId(id));
  }
  if (group && !barrier_->Knows(*group)) {
    // read_to stays before the tick until the group is delivered: followers must not take rows for
    // read that still wait here.
    cursor.ticket = barrier_->RequestSync();
    cursor.stalled = std::move(group);
    cursor.stalled_at = id;
    SetPaused(slot, true);
    return;
  }
  if (group) {
    Deliver(slot, *group);
  }
  cursor.read_to = id;
}

void ChannelFeed::NoteLate(const TickGroup& group) {
  if (group.late == 0) {
    return;
  }
  const auto now = clock_->Now();
  outbreak_ = outbreak_ || !late_at_ || now - *late_at_ > kOutbreakEnd;
  late_at_ = now;
}

bool ChannelFeed::TakeOutbreak() { return std::exchange(outbreak_, false); }

void ChannelFeed::Deliver(size_t slot, const TickGroup& group) {
  NoteLate(group);
  Cursor& cursor = *cursors_.at(slot);
  const Timestamp before = std::exchange(cursor.resolved, group.resolved);
  const size_t unknown = std::exchange(cursor.unknown, 0);
  const FeedGroup all = ArrangeGroup(group, Timestamp{}, unknown);
  for (const auto& follower : followers_) {
    if (follower->slot != slot || group.resolved <= follower->next.resolved) {
      continue;
    }
    if (follower->next.resolved > before) {
      // The cursor began before the follower's place, so the group may hold rows that it has had.
      follower->subscriber->OnGroup(name_, ArrangeGroup(group, follower->next.resolved, unknown));
    } else {
      follower->subscriber->OnGroup(name_, all);
    }
    follower->next = {.position = LogPosition{.id = group.restart, .inclusive = true},
                      .resolved = group.resolved};
    follower->joined = false;
  }
}

void ChannelFeed::HandleError(size_t slot, const Status& error) {
  const std::vector<Follower*> followers = FollowersOf(slot);
  for (Follower* follower : followers) {
    // A missing position may concern only some followers: each one's own position is checked. The
    // others begin a cursor of their own.
    const bool of_position =
        error.code() == StatusCode::kOutOfRange || error.code() == StatusCode::kFailedPrecondition;
    const Status own = of_position && followers.size() > 1 && follower->next.position
                           ? log_->CheckPosition(name_, *follower->next.position)
                           : error;
    if (!own.ok()) {
      Report(follower, own);
    }
  }
  if (!IsRetryable(error)) {
    for (Follower* follower : followers) {
      Leave(follower);
    }
    Close(slot);
  }
}

void ChannelFeed::Report(Follower* follower, const Status& status) {
  // Ok is reported only to end an error: most polls are.
  if (status.ok() && !follower->reported_error) {
    return;
  }
  follower->reported_error = !status.ok();
  follower->failed = !status.ok() && !IsRetryable(status);
  follower->subscriber->OnStatus(name_, status);
}

}  // namespace cdc
