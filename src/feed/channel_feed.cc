#include "feed/channel_feed.h"

#include <algorithm>
#include <utility>

namespace cdc {

bool IsBefore(const FeedStart& a, const FeedStart& b, const Log& log) {
  if (!a.position || !b.position) {
    return !a.position && b.position;
  }
  return log.Compare(a.position->id, b.position->id) < 0;
}

ChannelFeed::ChannelFeed(std::string name,
                         bool ticked,
                         Log* log,
                         CatalogBarrier* barrier,
                         ReaderSet* readers,
                         const Clock* clock)
    : name_(std::move(name)),
      ticked_(ticked),
      log_(log),
      barrier_(barrier),
      readers_(readers),
      clock_(clock) {}

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

// A cursor that loses its last follower is closed by the next UpdateCursors.
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
  // The least room of any follower: what is read is delivered to all followers of the cursor.
  std::optional<size_t> room;
  for (const auto& follower : followers_) {
    if (follower->slot && !cursors_.at(*follower->slot)->paused && follower->room > 0) {
      room = std::min(room.value_or(follower->room), follower->room);
    }
  }
  return room;
}

void ChannelFeed::UpdateCursors() {
  for (const auto& follower : followers_) {
    follower->room = follower->failed ? 0 : follower->subscriber->Room(name_);
  }
  for (size_t slot = 0; slot < cursors_.size(); ++slot) {
    if (cursors_.at(slot) != nullptr) {
      UpdateCursor(slot);
    }
  }
  Merge();
  StartWaiting();
}

void ChannelFeed::UpdateCursor(size_t slot) {
  const std::vector<Follower*> followers = FollowersOf(slot);
  if (followers.empty()) {
    Close(slot);
    return;
  }
  Cursor& cursor = *cursors_.at(slot);
  if (cursor.stalled) {
    if (!barrier_->HasAnswer(cursor.ticket)) {
      const Status failure = barrier_->failure();
      for (Follower* follower : followers) {
        Report(follower, failure.WithContext("source catalog"));
      }
      return;
    }
    const TickGroup group = *std::exchange(cursor.stalled, std::nullopt);
    barrier_->MarkUnknownAsGone(group);
    Deliver(slot, group);
    cursor.read_to = cursor.stalled_at;
    Drain(slot);
    if (cursors_.at(slot) == nullptr || cursor.stalled) {
      return;  // it was merged into the other cursor, or waits again
    }
  }
  // If all are full, the cursor pauses and keeps its place. If only some are, they leave it, so
  // that they do not hold up the others.
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

// Whether all remaining followers only want records further ahead: the follower for which the
// cursor began has left it. Then reading up to their places would be in vain.
bool ChannelFeed::IsTooFarBack(size_t slot) {
  const Cursor& cursor = *cursors_.at(slot);
  const auto followers = FollowersOf(slot);
  return !cursor.read_to.empty() &&
         std::all_of(followers.begin(), followers.end(), [&](const Follower* follower) {
           return follower->joined && follower->next.position &&
                  log_->Compare(follower->next.position->id, cursor.read_to) > 0;
         });
}

// Merges two cursors at the same place. A stalled one still has records to deliver first.
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
  // First, everyone who can joins an existing cursor: a new one would read the same records again.
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

// The follower furthest back among those that were never too slow, or else among the slow ones: a
// task that is always full must not keep the second cursor from others.
ChannelFeed::Follower* ChannelFeed::NextWaiting() {
  Follower* best = nullptr;
  for (const auto& follower : followers_) {
    if (follower->slot || follower->room == 0) {
      continue;
    }
    if (best == nullptr || (best->slow && !follower->slow) ||
        (best->slow == follower->slow && IsBefore(follower->next, best->next, *log_))) {
      best = follower.get();
    }
  }
  return best;
}

// Whether the cursor will miss something that is wanted from `place` on.
bool ChannelFeed::HasPassed(const Cursor& cursor, const FeedStart& place) const {
  if (cursor.read_to.empty()) {
    // The first record of the channel may come after the position. Only a cursor that begins at
    // the position finds out that records are gone.
    if (place.position && !cursor.start.position) {
      return true;
    }
    return IsBefore(place, cursor.start, *log_) ||
           (ticked_ && place.resolved < cursor.start.resolved);
  }
  if (!place.position) {
    return true;
  }
  const auto order = log_->Compare(place.position->id, cursor.read_to);
  if (!ticked_) {
    return place.position->inclusive ? order <= 0 : order < 0;
  }
  // Until its first tick, a cursor has skipped rows at or below its own start, which this follower
  // may want.
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

// The cursor that has read less.
size_t ChannelFeed::FurthestBehind() const {
  const MsgId& a = cursors_.at(0)->read_to;
  const MsgId& b = cursors_.at(1)->read_to;
  return b.empty() || (!a.empty() && log_->Compare(b, a) < 0) ? 1 : 0;
}

// Returns a slot without a cursor. If there is none, frees one whose followers are all full, the
// one further back if possible: it is idle, while others could read.
std::optional<size_t> ChannelFeed::FreeSlot() {
  for (size_t slot = 0; slot < cursors_.size(); ++slot) {
    if (cursors_.at(slot) == nullptr) {
      return slot;
    }
  }
  for (const size_t slot : {FurthestBehind(), 1 - FurthestBehind()}) {
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
    first->room = 0;  // until the next UpdateCursors, so that NextWaiting skips it
    Report(first, reader.status());
    return;
  }
  FeedStart start = first->next;
  for (const auto& follower : followers_) {
    // Lower the start time to that of all who can join at once, so that their rows are not skipped.
    if (!follower->slot && follower->room > 0 && !IsBefore(follower->next, first->next, *log_)) {
      start.resolved = std::min(start.resolved, follower->next.resolved);
    }
  }
  const Status added = (*reader)->Add(name_, start.position);
  if (!added.ok()) {
    first->room = 0;
    Report(first, added);
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

}  // namespace cdc
