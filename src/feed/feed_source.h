#pragma once

#include <string>

#include "feed/channel_feed.h"
#include "feed/feed_subscriber.h"

namespace cdc {

// What gives a FeedSubscriber its calls. Thread-safe.
class FeedSource {
 public:
  virtual ~FeedSource() = default;

  // `subscriber` gets the catalog, soon, and then what it follows.
  virtual void Attach(FeedSubscriber* subscriber) = 0;
  // No call of `subscriber` is in progress when this returns, and none comes after it. Not to be
  // called by a subscriber.
  virtual void Detach(FeedSubscriber* subscriber) = 0;

  // With `ticked`, records are messages that ticks release (OnGroup); else each goes as it is
  // (OnRecord). A subscriber follows a channel once.
  virtual void Follow(FeedSubscriber* subscriber,
                      const std::string& channel,
                      bool ticked,
                      FeedStart start) = 0;
  virtual void Unfollow(FeedSubscriber* subscriber, const std::string& channel) = 0;
};

}  // namespace cdc
