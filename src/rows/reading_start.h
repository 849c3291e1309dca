#pragma once

#include <map>
#include <string>

#include "feed/channel_feed.h"
#include "metastore/meta_store.h"
#include "model/catalog.h"
#include "model/task_progress.h"
#include "source/log.h"

namespace cdc {

// Where a task goes on reading, by what the metastore remembers of it.
//
// A collection begins in a channel at the channel's checkpoint if it is older than it; else, for
// one that was there before a task that starts at `latest`, at the place noted then; else at its
// own creation.
//
// Immutable.
class ReadingStart {
 public:
  // `forget_doubts`: for tests, see Doubt.
  ReadingStart(const MetaStore::Progress& progress, bool forget_doubts);

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
  // The time up to which rows of the channel may have been written by a process before, with an
  // outcome that is not known. 0: none.
  Timestamp Doubt(const std::string& channel) const;

 private:
  std::map<std::string, ChannelCheckpoint> checkpoints_;
  std::map<CollectionId, ReplicatedCollection> known_;
  const bool forget_doubts_;
};

}  // namespace cdc
