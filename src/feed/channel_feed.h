#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "feed/catalog_barrier.h"
#include "feed/feed_subscriber.h"
#include "feed/reader_set.h"
#include "feed/tick_order.h"
#include "source/log.h"

namespace cdc {

// Where a subscriber begins in a channel.
struct FeedStart {
  std::optional<LogPosition> position;  // none: the channel's first record
  Timestamp resolved;                   // rows at or below it are not wanted
};

// Whether reading begins earlier at `a` than at `b`.
bool IsBefore(const FeedStart& a, const FeedStart& b, const Log& log);

// One channel, read for all who follow it.
//
// A follower is at a cursor or waits for one. There are at most two cursors: in the usual case one,
// at the end of the log. A follower that comes later, or was left behind because it was full, waits
// until it may begin a second one from its own place (the one furthest back begins, others join
// where they stand); a cursor that has come to the place of the other one becomes one with it.
//
// Two cursors that have read the same record and have the same resolved time hold the same rows,
// apart from such as stand before the start of one of them, which its followers do not want: so the
// one that holds more serves for both.
//
// Not thread-safe: belongs to the feed.
class ChannelFeed {
 public:
  // `ticked`: records are messages that ticks release; else each record goes as it is. All pointers
  // must outlive this.
  ChannelFeed(std::string name,
              bool ticked,
              Log* log,
              CatalogBarrier* barrier,
              ReaderSet* readers,
              const Clock* clock);
  ~ChannelFeed();
  ChannelFeed(const ChannelFeed&) = delete;
  ChannelFeed& operator=(const ChannelFeed&) = delete;

  void Follow(FeedSubscriber* subscriber, FeedStart start);
  // Does not touch the readers: that is left to Settle.
  void Unfollow(FeedSubscriber* subscriber);
  bool empty() const { return followers_.empty(); }

  // Decides who is read for, and moves the readers. Before each poll.
  void Settle();
  // How many bytes may be read at a time; nullopt: nothing is read now.
  std::optional<size_t> room() const;
  // Rows wait for the catalog.
  bool stalled() const;

  // What the reader of `slot` found. An empty batch with a status tells of an error.
  void Handle(size_t slot, LogBatch* batch);
  // No error of this channel was found by the last poll of `slot`.
  void HandleQuiet(size_t slot);

  // Whether messages have begun to come after their tick. True once per outbreak, which ends when
  // none has come for a minute.
  bool TakeOutbreak();

 private:
  struct Follower {
    FeedSubscriber* subscriber = nullptr;
    FeedStart next;       // where it would go on
    bool joined = false;  // nothing was handed to it since it came to its cursor
    bool slow = false;    // was left behind because it was full
    bool failed = false;  // its channel has ended
    bool told_error = false;
    size_t room = 0;
    std::optional<size_t> slot;  // its cursor; none: waits
  };
  struct Cursor {
    explicit Cursor(const FeedStart& from) : start(from), order(from.resolved) {}
    FeedStart start;
    TickOrder order;
    Timestamp resolved = start.resolved;
    MsgId read_to;
    bool paused = false;
    std::deque<LogRecord> backlog;     // read, and behind what is stalled
    std::optional<TickGroup> stalled;  // waits for the catalog
    MsgId stalled_at;                  // the record of its tick
    uint64_t ticket = 0;
  };

  std::vector<Follower*> FollowersOf(size_t slot);
  std::optional<size_t> FreeSlot();
  size_t Hindmost() const;
  bool HasPassed(const Cursor& cursor, const FeedStart& place) const;
  bool IsTooFarBack(size_t slot);
  void SettleCursor(size_t slot);
  void Merge();
  void StartWaiting();
  Follower* NextWaiting();
  bool TryJoin(Follower* follower);
  void Begin(size_t slot, Follower* first);
  void Join(Follower* follower, size_t slot);
  void Leave(Follower* follower);
  void Close(size_t slot);
  void SetPaused(size_t slot, bool paused);

  // The cursor may have become one with the other when it returns.
  void Drain(size_t slot);
  void TakeRecord(size_t slot, const LogRecord& record);
  void TakeMessage(size_t slot, LogRecord record);
  Result<MessagePtr> DecodePlausible(MsgId id, Payload payload) const;
  void Deliver(size_t slot, const TickGroup& group);
  void NoteLate(const TickGroup& group);
  void HandleError(size_t slot, const Status& error);
  void Tell(Follower* follower, const Status& status);

  const std::string name_;
  const bool ticked_;
  Log* const log_;
  CatalogBarrier* const barrier_;
  ReaderSet* const readers_;
  const Clock* const clock_;
  std::vector<std::unique_ptr<Follower>> followers_;
  std::array<std::unique_ptr<Cursor>, ReaderSet::kSlots> cursors_;
  std::optional<Clock::TimePoint> late_at_;  // when messages last came after their tick
  bool outbreak_ = false;
};

}  // namespace cdc
