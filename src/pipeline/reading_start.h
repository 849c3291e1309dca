#pragma once

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "feed/channel_feed.h"
#include "metastore/meta_store.h"
#include "model/catalog.h"
#include "model/task.h"
#include "source/log.h"

namespace cdc {

// Where a task goes on reading, by what the metastore remembers of it.
//
// A collection begins in a channel at the channel's checkpoint if it is older than it; else, for
// one that was there before a task that starts at `latest`, at the place noted then; else at its
// own creation.
//
// Thread-safe after FindDoubts.
class ReadingStart {
 public:
  explicit ReadingStart(const MetaStore::Progress& progress);

  // Asks the queue how far a process before may have written: inserts up to there may be on the
  // target already. To be called once, before anything is read.
  Status FindDoubts(Log* log);

  // The collections that the task has begun.
  const std::map<CollectionId, ReplicatedCollection>& known() const { return known_; }

  // Where the collection begins in the channel.
  struct Place {
    FeedStart from;
    bool from_checkpoint = false;
  };
  Place Of(const Collection& collection, const std::string& channel) const;

  // The place from which all of several begin: `a` or `b`.
  static bool IsBefore(const Place& a, const Place& b, const Log& log);

  // Rows at or before this record are not the task's; nullptr: all are.
  const MsgId* SkipUntil(CollectionId collection, const std::string& channel) const;
  // nullptr: there is none.
  const ChannelCheckpoint* Checkpoint(const std::string& channel) const;
  // The last record whose rows may have been written before.
  std::optional<MsgId> DoubtUntil(const std::string& channel) const;

 private:
  bool InDoubt(const std::string& channel) const;

  std::map<std::string, ChannelCheckpoint> checkpoints_;
  std::map<CollectionId, ReplicatedCollection> known_;
  std::map<std::string, MsgId> doubts_;
};

}  // namespace cdc
