#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "decode/wal.h"
#include "feed/catalog_barrier.h"
#include "feed/feed_subscriber.h"
#include "feed/reader_set.h"
#include "feed/tick_order.h"
#include "source/log.h"

namespace cdc {

// Where a subscriber begins in a channel.
struct FeedStart {
  std::optional<LogPosition> position;  // nullopt: the channel's first record
  Timestamp resolved;                   // rows at or below it are not wanted
};

// Whether `a` is earlier in the channel than `b`.
bool IsBefore(const FeedStart& a, const FeedStart& b, const Log& log);

// Reads one channel for everyone who follows it.
//
// A follower is at a cursor or waits for one. Usually there is one cursor, at the end of the log.
// A follower that comes later, or was left behind because it was full, waits until a second cursor
// can begin at its place: it begins for the follower furthest back, and others join when it reaches
// their places. When it has caught up with the first cursor, the two are merged.
//
// Two cursors that have read the same record and have the same resolved time hold the same rows,
// except rows from before the start of one of them, which its followers do not want. So the one
// that holds more rows serves the followers of both.
//
// Not thread-safe: belongs to the feed.
class ChannelFeed {
 public:
  // `ticked`: records are messages that ticks release; otherwise each record is delivered as it is.
  // All pointers must outlive this.
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
  // Does not touch the readers, because other threads may call it: that is left to UpdateCursors.
  void Unfollow(FeedSubscriber* subscriber);
  bool empty() const { return followers_.empty(); }

  // Assigns followers to cursors, and begins, merges and ends cursors. Call it before each poll.
  void UpdateCursors();
  // How many bytes may be read at a time; nullopt: nothing is read now.
  std::optional<size_t> room() const;
  // Whether rows wait for the catalog.
  bool stalled() const;

  // Handles what the reader of `slot` found. An empty batch with a status reports an error.
  void Handle(size_t slot, LogBatch* batch);
  // The last poll of `slot` found no error in this channel.
  void HandleNoError(size_t slot);

  // Whether messages have begun to come after their tick. True once per outbreak, which ends when
  // none has come for a minute.
  bool TakeOutbreak();

 private:
  struct Follower {
    FeedSubscriber* subscriber = nullptr;
    FeedStart next;       // where it continues
    bool joined = false;  // nothing has been delivered to it since it joined its cursor
    bool slow = false;    // was left behind because it was full
    bool failed = false;  // the channel has ended for it
    bool reported_error = false;
    size_t room = 0;
    std::optional<size_t> slot;  // its cursor; nullopt: it waits for one
  };
  // A place in the channel where a reader reads for some followers.
  struct Cursor {
    explicit Cursor(const FeedStart& from) : start(from), order(from.resolved) {}
    FeedStart start;
    TickOrder order;
    Timestamp resolved = start.resolved;
    MsgId read_to;
    size_t unknown = 0;  // messages of unknown types since the last tick that released something
    bool paused = false;
    std::deque<LogRecord> backlog;     // records read after the stalled group
    std::optional<TickGroup> stalled;  // waits for the catalog
    MsgId stalled_at;                  // the record of its tick
    uint64_t ticket = 0;               // of CatalogBarrier::RequestSync
  };

  std::vector<Follower*> FollowersOf(size_t slot);
  std::optional<size_t> FreeSlot();
  size_t FurthestBehind() const;
  bool HasPassed(const Cursor& cursor, const FeedStart& place) const;
  bool IsTooFarBack(size_t slot);
  void UpdateCursor(size_t slot);
  void Merge();
  void StartWaiting();
  Follower* NextWaiting();
  bool TryJoin(Follower* follower);
  void Begin(size_t slot, Follower* first);
  void Join(Follower* follower, size_t slot);
  void Leave(Follower* follower);
  void Close(size_t slot);
  void SetPaused(size_t slot, bool paused);

  // Takes the records of the backlog. Afterwards, the cursor may be gone: merged into the other.
  void Drain(size_t slot);
  void TakeRecord(size_t slot, const LogRecord& record);
  void TakeMessage(size_t slot, const LogRecord& record);
  void Refuse(size_t slot, const MsgId& id, const Status& why);
  Result<WalMessage> DecodePlausible(const LogRecord& record) const;
  void NoteUnknown(const WalMessage& message, Cursor* cursor);
  void Deliver(size_t slot, const TickGroup& group);
  void NoteLate(const TickGroup& group);
  void HandleError(size_t slot, const Status& error);
  void Report(Follower* follower, const Status& status);

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
  std::set<WalType> unknown_;  // types of messages that have been named in the log
};

}  // namespace cdc
