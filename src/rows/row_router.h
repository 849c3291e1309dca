#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "decode/replicate.h"
#include "feed/feed_source.h"
#include "metastore/meta_store.h"
#include "model/catalog.h"
#include "model/message_log.h"
#include "model/task.h"
#include "model/task_status.h"
#include "progress/ack_tracker.h"
#include "progress/checkpoint_source.h"
#include "progress/condition_board.h"
#include "rows/make_rows.h"
#include "rows/reading_start.h"
#include "rows/route_view.h"
#include "rows/row_consumer.h"
#include "rows/undecodable.h"
#include "rows/upsert_pairing.h"
#include "scope/scope.h"

namespace cdc {

// Selects the rows of one task from the source's channels and hands them to its RowConsumer.
// Follows the channels of the collections that the task covers according to the catalog.
//
// A collection that has been begun is followed by its id, even under a name that the task does not
// cover.
//
// Call Begin first, from one thread. The FeedSubscriber methods are for the feed. The rest is
// thread-safe. The class has many methods because it is three things: the feed delivers to it, the
// saver takes checkpoints from it, and the reconciler looks up how far it has come.
class RowRouter final : public FeedSubscriber, public CheckpointSource, public RouteView {
 public:
  struct Options {
    size_t poll_bytes = 4U << 20;  // at most, of one channel at a time
    // How much may wait for a tick or for the target, in all channels together. A channel with more
    // than its share is not read any further.
    size_t waiting_bytes = 64U << 20;
    OnUndecodable on_undecodable = OnUndecodable::kStop;
    Timestamp stop_at;  // no later row is handed on; 0: all are
    // For tests: rows in doubt are written as if they had never been sent.
    bool forget_doubts = false;
    bool copies_show_later_rows = false;  // see ReadingStart
    MessageLog* message_log = &MessageLog::OfProcess();
    const Clock* clock = &Clock::Real();
  };
  struct Parts {
    CatalogSource* catalog;
    Log* log;
    FeedSource* feed;
    const Scope* scope;
    RowConsumer* consumer;
    ConditionBoard* conditions;
    std::string replicate_channel;  // empty: none
    bool follows_access = false;    // users and roles of the source wake the task, too
    std::function<void(const Status&)> on_fatal;
    // Only this collection cannot be followed any further.
    std::function<void(CollectionId, const Status&)> on_collection_failed;
    // The queue no longer holds the channel's position.
    std::function<void(const std::string& channel, const Status&)> on_expired;
    // The collection has been renamed to a name that the task covers: its rows up to now are not on
    // the target.
    std::function<void(CollectionId, const Status&)> on_renamed_in;
    // Called when the catalog has changed in what the task covers.
    std::function<void()> on_catalog;
    // Called for a flush of the source. Call `done` once it is carried out or does not matter.
    std::function<void(const FlushRequestInfo& flush, std::function<void()> done)> on_flush;
    // The same for a password of the source, which come only with `follows_access`.
    std::function<void(const PasswordChange& change, std::function<void()> done)> on_password;
    // Whether no more rows of the collection can be taken now.
    std::function<bool(CollectionId)> is_full = [](CollectionId) { return false; };
  };

  // All parts must outlive this.
  RowRouter(Parts parts, Options options, const MetaStore::Progress& progress);

  // Queries the source for what must be known before rows are read, retrying transient errors, and
  // attaches to the feed. kCancelled: stopped.
  Status Begin(const std::stop_token& stop);
  // Detaches from the feed: no call of it comes afterwards.
  void End();

  void OnCatalog(const std::shared_ptr<const Catalog>& catalog) override;
  void OnGroup(const std::string& channel, const FeedGroup& group) override;
  void OnRecord(const std::string& channel, const LogRecord& record) override;
  void OnRead(const std::string& channel, const MsgId& last, size_t held_bytes) override;
  void OnDamaged(const std::string& channel,
                 const MsgId& id,
                 std::optional<CollectionId> collection,
                 const Status& why) override;
  void OnStatus(const std::string& channel, const Status& status) override;
  size_t Room(const std::string& channel) override;

  CatalogSeen catalog_seen() const override;
  bool Follows(CollectionId collection) const override;
  std::vector<Vanished> vanished() const override;
  bool HasReadTo(const std::string& channel, const std::optional<MsgId>& end) const override;
  bool HasAppliedTo(const std::string& channel, Timestamp ts) const override;
  void Forget(CollectionId collection) override;

  // The log of the collection may be read from the takeover of each vchannel on, while its stored
  // rows are copied. Until then, or until OnCopied, no channel with such a collection is followed.
  void OnLogApplied(CollectionId collection, const std::map<std::string, Takeover>& takeover);
  // The stored rows of the collection are on the target.
  void OnCopied(CollectionId collection, const std::map<std::string, Takeover>& takeover);

  std::vector<ChannelProgress> Checkpoints() const override;
  uint64_t acknowledged() const override;
  std::vector<ChannelStatus> ChannelStatuses() const;
  std::vector<CollectionName> Covered() const;
  // The channel that has been read without a tick for the longest time, if that is at least
  // `at_least`. Without this, a stuck source would look like one that has nothing to send.
  struct Silence {
    std::string channel;
    int64_t since_unix_ms = 0;
  };
  std::optional<Silence> LongestSilence(std::chrono::milliseconds at_least) const;
  // Bytes of the records that wait for the tick that puts them in order.
  size_t held_bytes() const;
  UndecodableRecords::Skipped skipped() const { return undecodable_.skipped(); }
  // Messages of the followed channels that came after the tick that had promised their end.
  uint64_t late_messages() const;
  // Messages of the followed channels whose type is not known.
  uint64_t unknown_messages() const;

 private:
  // One followed channel.
  struct Channel {
    Channel(const std::string& name, const FeedStart& start);
    std::shared_ptr<AckTracker> tracker;
    std::unordered_set<std::string> applied;  // ids of records that are already applied
    std::optional<ChannelCheckpoint::Replay> replay;
    // An earlier process may have written inserts up to this time, so they are written as upserts.
    // 0: none.
    Timestamp doubt;
    bool full = false;
    size_t held_bytes = 0;  // waiting for a tick
    std::set<CollectionId> collections;
    MsgId restart;  // of the last group, see FeedGroup; at first, where reading began
    MsgId read_to;
    int64_t last_tick_unix_ms = 0;
    int64_t followed_unix_ms = 0;

    // Its last tick, or when it was followed: one followed only now has not had the time to bring a
    // tick. nullopt: it is full and not read, so its silence is no news.
    std::optional<int64_t> SilentSince() const {
      return full ? std::nullopt : std::optional(std::max(last_tick_unix_ms, followed_unix_ms));
    }
    // What the target has of a collection, if the channel is read again for some; nullptr: nothing
    // above the checkpoint. `own`: the collection is one of those.
    const ChannelCheckpoint::AppliedUntil* AppliedOf(CollectionId collection, bool* own) const;
  };
  // A collection whose rows the task replicates.
  struct Route {
    std::shared_ptr<const Collection> collection;
    CollectionName name;  // on the source
    KeyField key;
    // Of a task with `stop_at`: they may have been dropped after it, and have rows before it.
    std::set<PartitionId> gone_partitions;
  };
  // The rows of one shard in a group.
  struct Shard {
    CollectionId collection;
    std::vector<PendingRows> rows;
  };

  Status CallWithRetries(const std::stop_token& stop,
                         const std::string& part,
                         const std::function<Status()>& question);
  void FollowReplicateChannel();
  bool UpdateRoutes(const Catalog& catalog) CDC_REQUIRES(mutex_);
  bool AddRoute(const Scope::Match& match) CDC_REQUIRES(mutex_);
  void FollowChannels() CDC_REQUIRES(mutex_);
  std::set<std::string> WaitingChannels() const CDC_REQUIRES(mutex_);
  // What has been gathered for the log, to be written by WriteLog once the lock is free.
  std::vector<std::string> TakeLogLines() CDC_REQUIRES(mutex_);
  static void WriteLog(const std::vector<std::string>& lines);
  void ShowWhetherIdle() CDC_REQUIRES(mutex_);
  void Follow(const std::string& channel,
              const ReadingStart::Place& start,
              std::set<CollectionId> collections) CDC_REQUIRES(mutex_);

  // Whether the task wants nothing more of the channel, since it has all up to `stop_at`.
  bool HasEnded(const Channel& channel) const;
  Status RouteGroup(const std::string& name, Channel& channel, const FeedGroup& group)
      CDC_REQUIRES(mutex_);
  Status RouteRows(const std::string& name,
                   const Channel& channel,
                   const Route& route,
                   const std::vector<MessagePtr>& messages,
                   std::map<std::string, Shard>* shards) CDC_REQUIRES(mutex_);
  Status RouteBreaks(const std::string& name, const Channel& channel, const FeedGroup& group)
      CDC_REQUIRES(mutex_);
  bool IsWanted(const std::string& channel,
                const Route& route,
                Timestamp applied,
                const Message& message) const;
  bool IsNew(const std::string& channel,
             const Route& route,
             std::string_view vchannel,
             Timestamp applied,
             const Message& message) const;
  Status WithPlace(const Status& status, const std::string& channel, const MsgId& id) const;
  void Fail(const Status& status);

  const Parts parts_;
  const Options options_;
  UndecodableRecords undecodable_;
  ReadingStart start_;
  // Used only on the feed's thread.
  bool failed_ = false;  // nothing more is accepted
  std::map<CollectionId, Status> renamed_in_;
  std::optional<CollectionId> failed_collection_;  // to which the failure of a group is limited

  mutable Mutex mutex_;
  // Log lines, written after the lock is released.
  std::vector<std::string> log_lines_ CDC_GUARDED_BY(mutex_);
  std::shared_ptr<const Catalog> catalog_ CDC_GUARDED_BY(mutex_);
  uint64_t catalog_changes_ CDC_GUARDED_BY(mutex_) = 0;
  std::unordered_map<CollectionId, Route> routes_ CDC_GUARDED_BY(mutex_);
  std::unordered_set<CollectionId> forgotten_ CDC_GUARDED_BY(mutex_);
  std::map<std::string, std::unique_ptr<Channel>> channels_ CDC_GUARDED_BY(mutex_);
  std::shared_ptr<AckTracker> requests_ CDC_GUARDED_BY(mutex_);  // of the replicate channel
  uint64_t late_messages_ CDC_GUARDED_BY(mutex_) = 0;
  uint64_t unknown_messages_ CDC_GUARDED_BY(mutex_) = 0;
};

}  // namespace cdc
