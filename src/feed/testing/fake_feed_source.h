#pragma once

#include <map>
#include <string>
#include <utility>

#include "feed/feed_source.h"

namespace cdc {

// Records who follows what; a test calls the subscriber itself.
class FakeFeedSource final : public FeedSource {
 public:
  void Attach(FeedSubscriber* subscriber) override { subscriber_ = subscriber; }
  void Detach(FeedSubscriber* /*subscriber*/) override { subscriber_ = nullptr; }
  void Follow(FeedSubscriber* /*subscriber*/,
              const std::string& channel,
              bool /*ticked*/,
              FeedStart start) override {
    followed_[channel] = std::move(start);
  }
  void Unfollow(FeedSubscriber* /*subscriber*/, const std::string& channel) override {
    followed_.erase(channel);
  }

  FeedSubscriber* subscriber() const { return subscriber_; }
  const std::map<std::string, FeedStart>& followed() const { return followed_; }

 private:
  FeedSubscriber* subscriber_ = nullptr;
  std::map<std::string, FeedStart> followed_;
};

}  // namespace cdc
