#include "feed/channel_feed.h"

#include <algorithm>
#include <compare>
#include <iterator>
#include <string>
#include <utility>

#include "base/clock.h"
#include "decode/decode.h"
#include "feed/feed_group.h"

namespace cdc {
namespace {

// No tick of a source is so far ahead of our clock.
constexpr int64_t kMostAheadMs = 24LL * 3600 * 1000;

// A tick that is believed moves the checkpoint beyond every row to come: a damaged one would lose
// them all.
Result<MessagePtr> DecodePlausible(MsgId id, Payload payload) {
  auto message = DecodeMessage(std::move(id), std::move(payload));
  if (message.ok() && (*message)->type == MessageType::kTick &&
      (*message)->ts.UnixMs() > NowUnixMs() + kMostAheadMs) {
    return DataLossError("a tick of the time " + std::to_string((*message)->ts.value) +
                         ", more than a day ahead of the clock of this machine");
  }
  return message;
}

}  // namespace

ChannelFeed::ChannelFeed(
    std::string name, bool ticked, Log* log, CatalogBarrier* barrier, ReaderSet* readers)
    : name_(std::move(name)), ticked_(ticked), log_(log), barrier_(barrier), readers_(readers) {}

ChannelFeed::~ChannelFeed() {
  for (size_t slot = 0; slot < cursors_.size(); ++slot) {
    Close(slot);
  }
}

void ChannelFeed::Follow(FeedSubscriber* subscriber, FeedStart start) {
  auto follower = std::make_unique<Follower>();
  follower->subscriber = subscriber;
  follower->next = std::move(start);
  followers_.push_back(std::move(follower));
}

void ChannelFeed::Unfollow(FeedSubscriber* subscriber) {
  std::erase_if(followers_, [subscriber](const std::unique_ptr<Follower>& each) {
    return each->subscriber == subscriber;
  });
}

std::vector<ChannelFeed::Follower*> ChannelFeed::FollowersOf(size_t slot) {
  std::vector<Follower*> found;
  for (const auto& follower : followers_) {
    if (follower->slot == slot) {
      found.push_back(follower.get());
    }
  }
  return found;
}

bool ChannelFeed::stalled() const {
  return std::any_of(cursors_.begin(), cursors_.end(), [](const auto& cursor) {
    return cursor != nullptr && cursor->stalled.has_value();
  });
}

std::optional<size_t> ChannelFeed::room() const {
  std::optional<size_t> room;
  for (const auto& follower : followers_) {
    if (follower->slot && !cursors_.at(*follower->slot)->paused && follower->room > 0) {
      room = std::min(room.value_or(follower->room), follower->room);
    }
  }
  return room;
}

// ---- Who is read for -------------------------------------------------------------------------

void ChannelFeed::Settle() {
  for (const auto& follower : followers_) {
    follower->room = follower->failed ? 0 : follower->subscriber->Room(name_);
  }
  for (size_t slot = 0; slot < cursors_.size(); ++slot) {
    if (cursors_.at(slot) != nullptr) {
      SettleCursor(slot);
    }
  }
  Merge();
  StartWaiting();
}

void ChannelFeed::SettleCursor(size_t slot) {
  const std::vector<Follower*> followers = FollowersOf(slot);
  if (followers.empty()) {
    Close(slot);
    return;
  }
  Cursor& cursor = *cursors_.at(slot);
  if (cursor.stalled) {
    if (!barrier_->Answered(cursor.ticket)) {
      const Status failure = barrier_->failure();
      for (Follower* follower : followers) {
        Tell(follower, failure.WithContext("source catalog"));
      }
      return;
    }
    const TickGroup group = *std::exchange(cursor.stalled, std::nullopt);
    barrier_->Settle(group);
    Deliver(slot, group);
    cursor.read_to = cursor.stalled_at;
    Drain(slot);
    if (cursor.stalled) {
      return;
    }
  }
  const bool all_full = std::all_of(followers.begin(), followers.end(),
                                    [](const Follower* follower) { return follower->room == 0; });
  if (!all_full) {
    for (Follower* follower : followers) {
      if (follower->room == 0) {
        Leave(follower);
        follower->slow = true;
      }
    }
    if (IsTooFarBack(slot)) {
      for (Follower* follower : FollowersOf(slot)) {
        Leave(follower);
      }
      Close(slot);
      return;
    }
  }
  SetPaused(slot, all_full);
}

// Whether all that are left at the cursor want what is far ahead: the one for whom it began has
// been left behind.
bool ChannelFeed::IsTooFarBack(size_t slot) {
  const Cursor& cursor = *cursors_.at(slot);
  const auto followers = FollowersOf(slot);
  return !cursor.read_to.empty() &&
         std::all_of(followers.begin(), followers.end(), [&](const Follower* follower) {
           return follower->joined && follower->next.position &&
                  log_->Compare(follower->next.position->id, cursor.read_to) > 0;
         });
}

void ChannelFeed::Merge() {
  Cursor* a = cursors_.at(0).get();
  Cursor* b = cursors_.at(1).get();
  if (a == nullptr || b == nullptr || a->stalled || b->stalled || a->read_to.empty() ||
      a->read_to != b->read_to || a->resolved != b->resolved) {
    return;
  }
  const size_t kept = b->order.held_messages() > a->order.held_messages() ? 1 : 0;
  const size_t other = 1 - kept;
  for (Follower* follower : FollowersOf(other)) {
    follower->slot = kept;
    follower->slow = false;
  }
  Close(other);
}

void ChannelFeed::StartWaiting() {
  // Nobody waits for a cursor of its own who can join one as it is.
  for (const auto& follower : followers_) {
    if (!follower->slot && follower->room > 0) {
      TryJoin(follower.get());
    }
  }
  while (Follower* follower = NextWaiting()) {
    if (TryJoin(follower)) {
      continue;
    }
    std::optional<size_t> slot = FreeSlot();
    if (!slot) {
      return;
    }
    Begin(*slot, follower);
  }
}

// The one furthest back, of those that have not been too slow if there are any.
ChannelFeed::Follower* ChannelFeed::NextWaiting() {
  Follower* best = nullptr;
  for (const auto& follower : followers_) {
    if (follower->slot || follower->room == 0) {
      continue;
    }
    if (best == nullptr || (best->slow && !follower->slow) ||
        (best->slow == follower->slow && IsBefore(follower->next.position, best->next.position))) {
      best = follower.get();
    }
  }
  return best;
}

bool ChannelFeed::IsBefore(const std::optional<LogPosition>& a,
                           const std::optional<LogPosition>& b) const {
  if (!a || !b) {
    return !a && b;
  }
  return log_->Compare(a->id, b->id) < 0;
}

// Whether the cursor will not deliver all that is wanted from `place` on.
bool ChannelFeed::HasPassed(const Cursor& cursor, const FeedStart& place) const {
  if (cursor.read_to.empty()) {
    if (place.position && !cursor.start.position) {
      return true;  // the first record may come after it, and that has to be told
    }
    return IsBefore(place.position, cursor.start.position) ||
           (ticked_ && place.resolved < cursor.start.resolved);
  }
  if (!place.position) {
    return true;
  }
  const auto order = log_->Compare(place.position->id, cursor.read_to);
  if (!ticked_) {
    return place.position->inclusive ? order <= 0 : order < 0;
  }
  // What it skips at its own start may be wanted here.
  return order <= 0 ||
         (place.resolved < cursor.start.resolved && cursor.resolved == cursor.start.resolved);
}

bool ChannelFeed::TryJoin(Follower* follower) {
  for (size_t slot = 0; slot < cursors_.size(); ++slot) {
    const auto& cursor = cursors_.at(slot);
    if (cursor != nullptr && !cursor->stalled && !HasPassed(*cursor, follower->next)) {
      Join(follower, slot);
      return true;
    }
  }
  return false;
}

// Of two cursors the one that has read less.
size_t ChannelFeed::Hindmost() const {
  const MsgId& a = cursors_.at(0)->read_to;
  const MsgId& b = cursors_.at(1)->read_to;
  return b.empty() || (!a.empty() && log_->Compare(b, a) < 0) ? 1 : 0;
}

// A slot without a cursor; one whose followers are all full is taken from them.
std::optional<size_t> ChannelFeed::FreeSlot() {
  for (size_t slot = 0; slot < cursors_.size(); ++slot) {
    if (cursors_.at(slot) == nullptr) {
      return slot;
    }
  }
  for (const size_t slot : {Hindmost(), 1 - Hindmost()}) {
    const Cursor& cursor = *cursors_.at(slot);
    if (cursor.paused && !cursor.stalled) {
      for (Follower* follower : FollowersOf(slot)) {
        Leave(follower);
        follower->slow = true;
      }
      Close(slot);
      return slot;
    }
  }
  return std::nullopt;
}

void ChannelFeed::Begin(size_t slot, Follower* first) {
  const Result<LogReader*> reader = readers_->Open(slot);
  if (!reader.ok()) {
    first->room = 0;  // until the next Settle
    Tell(first, reader.status());
    return;
  }
  FeedStart start = first->next;
  for (const auto& follower : followers_) {
    // Whoever joins at once lowers what is skipped.
    if (!follower->slot && follower->room > 0 &&
        !IsBefore(follower->next.position, start.position)) {
      start.resolved = std::min(start.resolved, follower->next.resolved);
    }
  }
  const Status added = (*reader)->Add(name_, start.position);
  if (!added.ok()) {
    first->room = 0;
    Tell(first, added);
    return;
  }
  readers_->Use(slot);
  cursors_.at(slot) = std::make_unique<Cursor>(start);
  Join(first, slot);
}

void ChannelFeed::Join(Follower* follower, size_t slot) {
  follower->slot = slot;
  follower->joined = true;
}

void ChannelFeed::Leave(Follower* follower) { follower->slot.reset(); }

void ChannelFeed::Close(size_t slot) {
  std::unique_ptr<Cursor>& cursor = cursors_.at(slot);
  if (cursor != nullptr) {
    readers_->Get(slot)->Remove(name_);
    readers_->Unuse(slot);
    cursor.reset();
  }
}

void ChannelFeed::SetPaused(size_t slot, bool paused) {
  Cursor& cursor = *cursors_.at(slot);
  if (cursor.paused != paused) {
    cursor.paused = paused;
    readers_->Get(slot)->SetPaused(name_, paused);
  }
}

// ---- What is read ----------------------------------------------------------------------------

void ChannelFeed::Handle(size_t slot, LogBatch* batch) {
  Cursor* cursor = cursors_.at(slot).get();
  if (cursor == nullptr) {
    return;
  }
  if (!batch->status.ok()) {
    HandleError(slot, batch->status);
    return;
  }
  HandleQuiet(slot);
  std::move(batch->records.begin(), batch->records.end(), std::back_inserter(cursor->backlog));
  if (!cursor->stalled) {
    Drain(slot);
  }
}

void ChannelFeed::HandleQuiet(size_t slot) {
  if (cursors_.at(slot) == nullptr || cursors_.at(slot)->stalled) {
    return;
  }
  for (const auto& follower : followers_) {
    if (follower->slot == slot) {
      Tell(follower.get(), OkStatus());
    }
  }
}

void ChannelFeed::Drain(size_t slot) {
  Cursor& cursor = *cursors_.at(slot);
  while (!cursor.backlog.empty() && !cursor.stalled) {
    LogRecord record = std::move(cursor.backlog.front());
    cursor.backlog.pop_front();
    if (ticked_) {
      TakeMessage(slot, std::move(record));
      continue;
    }
    cursor.read_to = record.id;
    for (const auto& follower : followers_) {
      if (follower->slot == slot) {
        const auto& own = follower->next.position;
        const auto order = own && follower->joined ? log_->Compare(record.id, own->id)
                                                   : std::strong_ordering::greater;
        if (order < 0 || (order == 0 && !own->inclusive)) {
          continue;  // the cursor began before its place
        }
        follower->subscriber->OnRecord(name_, record);
        follower->next.position = LogPosition{.id = record.id, .inclusive = false};
        follower->joined = false;
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

void ChannelFeed::TakeMessage(size_t slot, LogRecord record) {
  Cursor& cursor = *cursors_.at(slot);
  const MsgId id = record.id;
  auto message = DecodePlausible(std::move(record.id), std::move(record.payload));
  if (!message.ok()) {
    cursor.read_to = id;
    for (const auto& follower : followers_) {
      const bool before = follower->joined && follower->next.position &&
                          log_->Compare(id, follower->next.position->id) < 0;
      if (follower->slot == slot && !before) {
        follower->subscriber->OnDamaged(name_, id, message.status());
      }
    }
    return;
  }
  std::optional<TickGroup> group = cursor.order.Push(*std::move(message));
  if (group && !barrier_->Knows(*group)) {
    cursor.ticket = barrier_->Ask();
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

void ChannelFeed::Deliver(size_t slot, const TickGroup& group) {
  Cursor& cursor = *cursors_.at(slot);
  const Timestamp before = std::exchange(cursor.resolved, group.resolved);
  const FeedGroup all = ArrangeGroup(group, Timestamp{});
  for (const auto& follower : followers_) {
    if (follower->slot != slot || group.resolved <= follower->next.resolved) {
      continue;
    }
    if (follower->next.resolved > before) {
      // It has come to a cursor that began before its own place.
      follower->subscriber->OnGroup(name_, ArrangeGroup(group, follower->next.resolved));
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
    // What is gone, or never was there, may be the place of some of them only.
    const Status own = !IsRetryable(error) && follower->next.position
                           ? log_->CheckPosition(name_, *follower->next.position)
                           : error;
    if (!own.ok() || followers.size() == 1) {
      Tell(follower, own.ok() ? error : own);
    }
  }
  if (!IsRetryable(error)) {
    for (Follower* follower : followers) {
      Leave(follower);
    }
    Close(slot);
  }
}

void ChannelFeed::Tell(Follower* follower, const Status& status) {
  if (status.ok() && !follower->told_error) {
    return;
  }
  follower->told_error = !status.ok();
  follower->failed = !status.ok() && !IsRetryable(status);
  follower->subscriber->OnStatus(name_, status);
}

}  // namespace cdc
