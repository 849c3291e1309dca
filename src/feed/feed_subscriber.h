#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/catalog.h"
#include "model/ids.h"
#include "model/message.h"
#include "source/log.h"

namespace cdc {

// What one tick of a channel released, for everyone who follows the channel. Often without rows.
struct FeedGroup {
  // Inserts and deletes of one collection, sorted by time.
  struct Rows {
    CollectionId collection;
    std::vector<MessagePtr> messages;
  };
  Timestamp resolved;  // everything at or below it has been delivered
  MsgId restart;       // see TickGroup
  size_t late = 0;     // messages of the channel that came after their tick, see TickGroup
  size_t unknown = 0;  // messages of the channel whose type is not known, since the tick before
  std::vector<Rows> rows;
  // What changes a collection's rows in a way that is not in the queue, so that nobody can follow
  // it past this: imports of files, and truncations.
  std::vector<MessagePtr> breaks;
};

// Follows channels of a Feed. All calls come from the feed's thread, one at a time, and must return
// at once, because all other subscribers wait. A call may use Feed::Follow and Unfollow, but no
// other method of the feed.
class FeedSubscriber {
 public:
  virtual ~FeedSubscriber() = default;

  // The newest catalog: after Attach, and whenever it has changed. Each collection and partition in
  // a group is in the catalog delivered last, or is gone from the source.
  virtual void OnCatalog(const std::shared_ptr<const Catalog>& catalog) = 0;

  // The next group of a channel that was followed with ticks.
  virtual void OnGroup(const std::string& channel, const FeedGroup& group) = 0;

  // The next record of a channel that was followed without ticks.
  virtual void OnRecord(const std::string& channel, const LogRecord& record) = 0;

  // The channel has been read up to `last`; rows of `held_bytes` wait for their tick.
  virtual void OnRead(const std::string& channel, const MsgId& last, size_t held_bytes) = 0;

  // A record that cannot be decoded was skipped. `collection`: whose rows it holds, if that much of
  // it could be read.
  virtual void OnDamaged(const std::string& channel,
                         const MsgId& id,
                         std::optional<CollectionId> collection,
                         const Status& why) = 0;

  // The channel cannot be read. A retryable error is retried; any other one ends the channel, e.g.
  // kOutOfRange if the log no longer holds the next record. Ok: the channel is being read again.
  virtual void OnStatus(const std::string& channel, const Status& status) = 0;

  // How many bytes of the channel may be read at a time for this subscriber. 0: none now.
  virtual size_t Room(const std::string& channel) = 0;
};

}  // namespace cdc
