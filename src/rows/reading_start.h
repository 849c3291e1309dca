#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "feed/channel_feed.h"
#include "metastore/meta_store.h"
#include "model/catalog.h"
#include "model/task_progress.h"
#include "source/log.h"

namespace cdc {

// Decides where a task resumes reading, from what the metastore holds about it.
//
// A collection begins at the channel's checkpoint if the collection is older than the checkpoint.
// Otherwise it begins at the position that was recorded for it when a task with `latest` started,
// or, without one, at its own creation. A collection whose stored rows are copied first begins
// where its log takes over from the copy; one of which only some were copied begins as without one.
//
// Not thread-safe.
class ReadingStart {
 public:
  struct Options {
    bool forget_doubts = false;  // for tests, see Doubt
    // Copies may show rows that are later than their takeovers.
    bool copies_show_later_rows = false;
  };
  ReadingStart(const MetaStore::Progress& progress, Options options);

  // The collections that the task has begun.
  const std::map<CollectionId, ReplicatedCollection>& known() const { return known_; }

  // Where the collection begins in the channel.
  struct Place {
    FeedStart from;
    bool from_checkpoint = false;
  };
  Place Of(const Collection& collection, const std::string& channel) const;

  // Whether a channel that has collections at both places must be read from `a`.
  static bool IsBefore(const Place& a, const Place& b, const Log& log);

  // The task does not replicate rows at or before this record. nullptr: it replicates all of them.
  const MsgId* SkipUntil(CollectionId collection, const std::string& channel) const;
  // Whether the collection's stored rows are still to be copied, and its channels must wait.
  bool IsWaitingForCopy(CollectionId collection) const;
  // Whether the task's log does not feed the collection: it is set aside, or copied beside the
  // others.
  bool IsAside(CollectionId collection) const { return aside_.contains(collection); }
  // Whether the collection is left as it is.
  bool IsSetAside(CollectionId collection) const;
  const std::map<CollectionId, AsideCollection>& aside() const { return aside_; }
  // The copy is done. `takeover`: by vchannel.
  void SetCopied(CollectionId collection, std::map<std::string, Takeover> takeover);
  // Its channels need not wait for the copy.
  void SetLogApplied(CollectionId collection, std::map<std::string, Takeover> takeover);
  // Rows of the vchannel up to this time come from the copy. 0: none do.
  Timestamp CopiedUntil(CollectionId collection, std::string_view vchannel) const;
  // The copy may hold inserts of the vchannel up to this time, too. 0: it holds none that are later
  // than CopiedUntil.
  Timestamp CopyDoubt(CollectionId collection, std::string_view vchannel) const;
  // nullptr: the channel has none.
  const ChannelCheckpoint* Checkpoint(const std::string& channel) const;
  // An earlier process may have written rows of the channel up to this time without learning the
  // outcome. 0: no row is in doubt.
  Timestamp Doubt(const std::string& channel) const;

 private:
  // nullptr: there is no copy that all rows up to some time come from.
  const SnapshotProgress* FindWholeCopy(CollectionId collection) const;
  const Takeover* FindTakeover(CollectionId collection, std::string_view vchannel) const;
  std::optional<Place> TakeoverOf(const Collection& collection, const std::string& channel) const;

  std::map<std::string, ChannelCheckpoint> checkpoints_;
  std::map<CollectionId, ReplicatedCollection> known_;
  std::map<CollectionId, SnapshotProgress> snapshots_;
  std::map<CollectionId, AsideCollection> aside_;
  const Options options_;
};

}  // namespace cdc
