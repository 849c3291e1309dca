#pragma once

#include <string>

#include "feed/channel_feed.h"
#include "feed/feed_subscriber.h"

namespace cdc {

// Calls FeedSubscribers. Thread-safe.
class FeedSource {
 public:
  virtual ~FeedSource() = default;

  // `subscriber` soon gets the catalog, and then what it follows.
  virtual void Attach(FeedSubscriber* subscriber) = 0;
  // When this returns, no call to `subscriber` is in progress, and none will follow. A subscriber
  // must not call it from such a call.
  virtual void Detach(FeedSubscriber* subscriber) = 0;

  // With `ticked`, records are messages that ticks release (OnGroup); otherwise each record is
  // delivered as it is (OnRecord). A subscriber may follow a channel only once.
  virtual void Follow(FeedSubscriber* subscriber,
                      const std::string& channel,
                      bool ticked,
                      FeedStart start) = 0;
  virtual void Unfollow(FeedSubscriber* subscriber, const std::string& channel) = 0;
};

}  // namespace cdc
