#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "model/catalog.h"
#include "model/ids.h"
#include "model/message.h"
#include "source/log.h"

namespace cdc {

// What one tick of a channel released, for all who follow it. Often without rows.
struct FeedGroup {
  // Inserts and deletes of one collection, sorted by time.
  struct Rows {
    CollectionId collection;
    std::vector<MessagePtr> messages;
  };
  Timestamp resolved;  // everything at or below it has come
  MsgId restart;       // see TickGroup
  size_t late = 0;     // messages of the channel that came after their tick, see TickGroup
  std::vector<Rows> rows;
};

// Follows channels of a Feed. Every call comes from the feed's thread, one at a time, and must
// return at once: all others wait for it. It may call Feed::Follow and Unfollow, nothing else of
// the feed.
class FeedSubscriber {
 public:
  virtual ~FeedSubscriber() = default;

  // The newest catalog: after Attach, and whenever it has changed. What a group speaks of is in the
  // last catalog that was given, or is gone from the source.
  virtual void OnCatalog(const std::shared_ptr<const Catalog>& catalog) = 0;

  // The next group of a channel that was followed with ticks.
  virtual void OnGroup(const std::string& channel, const FeedGroup& group) = 0;

  // The next record of a channel that was followed without ticks.
  virtual void OnRecord(const std::string& channel, const LogRecord& record) = 0;

  // The channel has been read up to `last`; rows of `held_bytes` wait for their tick.
  virtual void OnRead(const std::string& channel, const MsgId& last, size_t held_bytes) = 0;

  // A record that cannot be decoded is left out.
  virtual void OnDamaged(const std::string& channel, const MsgId& id, const Status& why) = 0;

  // What keeps the channel from being read. A retryable one is tried again; others end the channel:
  // kOutOfRange, the log no longer holds what comes next. Ok: it is read again.
  virtual void OnStatus(const std::string& channel, const Status& status) = 0;

  // How many bytes of the channel may be read at a time for this subscriber; 0: nothing now.
  virtual size_t Room(const std::string& channel) = 0;
};

}  // namespace cdc
