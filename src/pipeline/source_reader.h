#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "decode/replicate.h"
#include "metastore/meta_store.h"
#include "model/catalog.h"
#include "model/task.h"
#include "order/tick_order.h"
#include "order/upsert_pairing.h"
#include "pipeline/ack_tracker.h"
#include "pipeline/condition_board.h"
#include "pipeline/row_writer.h"
#include "pipeline/undecodable.h"
#include "source/catalog_source.h"
#include "source/log.h"
#include "transform/scope.h"

namespace cdc {

// A checkpoint's horizon as long as anything beyond it may have been sent.
inline constexpr Timestamp kAnyTime{std::numeric_limits<uint64_t>::max()};

// Reads the channels of the collections that a task covers, brings them into order and hands the
// rows to the RowWriter. Learns from the catalog which channels these are.
//
// Where reading begins: a channel at the smallest of its collections' starts. A collection's start
// is the channel's checkpoint if the collection is older than it; else, for one that was there
// before a task that starts at `latest`, the place noted then; else its own creation.
//
// Run belongs to one thread; the rest is thread-safe.
class SourceReader {
 public:
  struct Options {
    size_t poll_bytes = 4U << 20;  // of one channel at a time, at the most
    // What may wait for a tick or for the target, over all channels. A channel with more than its
    // share is paused.
    size_t waiting_bytes = 64U << 20;
    OnUndecodable on_undecodable = OnUndecodable::kStop;
  };
  struct Parts {
    CatalogSource* catalog;
    Log* log;
    const Scope* scope;
    RowWriter* writer;
    ConditionBoard* conditions;
    std::string replicate_channel;  // empty: none
    std::function<void(const Status&)> on_fatal;
    // A flush of the source; `done` is to be called once it is carried out or of no concern.
    std::function<void(const FlushRequestInfo& flush, std::function<void()> done)> on_flush;
  };

  // All parts must outlive this.
  SourceReader(Parts parts, Options options, MetaStore::Progress progress);

  void Run(const std::stop_token& stop);

  // Whether the channel has been read up to `end` (nullopt: it was empty); true for a channel that
  // is not followed: nothing of it will come.
  bool HasReadTo(const std::string& channel, const std::optional<MsgId>& end) const;

  // Whether every row of the channel at or below `ts` is acknowledged.
  bool HasAppliedTo(const std::string& channel, Timestamp ts) const;

  std::vector<ChannelCheckpoint> Checkpoints() const;
  std::vector<ChannelStatus> ChannelStatuses() const;
  std::vector<CollectionName> Covered() const;
  // Of records that wait for the tick that brings them into order.
  size_t held_bytes() const;
  UndecodableRecords::Skipped skipped() const { return undecodable_.skipped(); }

 private:
  // One followed channel.
  struct Channel {
    Channel(std::string channel_name, MsgId start, Timestamp skip, const std::vector<MsgId>& done);
    std::string name;
    std::shared_ptr<AckTracker> tracker;
    TickOrder order;
    std::unordered_set<std::string> applied;  // ids of records that are applied already
    // After a crash: up to this record inserts may have been written by the process before, so they
    // are written as upserts.
    std::optional<MsgId> doubt_until;
    bool paused = false;
    size_t held_bytes = 0;  // waiting for a tick
    std::set<CollectionId> collections;
    MsgId read_to;
  };
  // A collection whose rows are the task's.
  struct Route {
    std::shared_ptr<const Collection> collection;
    CollectionName name;  // on the source
    FieldId primary_key;
    bool string_key = false;
    std::map<std::string, MsgId> skip_until;  // by pchannel
  };

  Status UpdateRoutes(const Catalog& catalog);
  void AddRoute(const Catalog& catalog, const std::shared_ptr<const Collection>& collection);
  void DropFinishedRoutes();
  Status FollowChannels();
  // Where reading of `channel` begins for one of its collections.
  struct Start {
    MsgId id;
    Timestamp skip;
    bool from_checkpoint = false;
  };
  Start StartOf(const Route& route, const std::string& channel) const;
  Status Follow(const std::string& channel,
                const Start& start,
                const std::set<CollectionId>& collections);
  Status AddReplicateChannel();

  Status ReadOnce(const std::stop_token& stop);
  Status HandleBatch(LogBatch& batch, const std::stop_token& stop);
  Status HandleGroup(Channel& channel, TickGroup group, const std::stop_token& stop);
  // nullptr: the collection's rows are not the task's. kCancelled only.
  Result<const Route*> FindRoute(CollectionId id, const std::stop_token& stop);
  // Whether the partition is one that the source has, or had a moment ago.
  Result<bool> HasPartition(const Route& route,
                            const Message& message,
                            const std::stop_token& stop);
  Status SyncRoutes(const std::stop_token& stop);
  Status SyncCatalog(const std::stop_token& stop);
  bool IsWanted(const Channel& channel, const Route& route, const Message& message) const;
  bool InDoubt(const Channel& channel, const Message& message) const;
  Result<PendingRows> MakeRows(const Route& route, RowEvent event) const;
  std::string PlaceOf(const std::string& channel, const MsgId& id) const;
  Status HandleReplicate(const LogBatch& batch);
  // Returns how much of a channel may be read at a time.
  size_t UpdatePauses();

  const Parts parts_;
  const Options options_;
  UndecodableRecords undecodable_;

  // Only Run's thread.
  std::unique_ptr<LogReader> reader_;
  std::shared_ptr<const Catalog> catalog_;
  std::map<std::string, ChannelCheckpoint> checkpoints_at_start_;
  std::map<CollectionId, ReplicatedCollection> known_at_start_;
  std::unordered_set<CollectionId> ignored_;  // rows of what the source no longer knows
  std::unordered_set<PartitionId> ignored_partitions_;
  bool following_ = false;  // the channels of catalog_ are followed

  mutable Mutex mutex_;
  std::unordered_map<CollectionId, Route> routes_ CDC_GUARDED_BY(mutex_);  // written by Run only
  std::map<std::string, std::unique_ptr<Channel>> channels_ CDC_GUARDED_BY(mutex_);
  std::shared_ptr<AckTracker> flushes_ CDC_GUARDED_BY(mutex_);  // of the replicate channel
};

}  // namespace cdc
