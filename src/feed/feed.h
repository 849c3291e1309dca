#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "feed/catalog_barrier.h"
#include "feed/channel_feed.h"
#include "feed/feed_source.h"
#include "feed/feed_subscriber.h"
#include "feed/reader_set.h"
#include "source/catalog_source.h"
#include "source/log.h"

namespace cdc {

// Reads the channels of a source for any number of subscribers, each channel once. FeedSubscriber
// describes what they get, ChannelFeed how they share a channel.
//
// Run and RunCatalog belong to one thread each; the rest is thread-safe.
class Feed final : public FeedSource {
 public:
  // All must outlive this.
  Feed(CatalogSource* catalog, Log* log, const Clock* clock = &Clock::Real());
  ~Feed() override;

  // Reads until `stop`.
  void Run(const std::stop_token& stop);
  // Fetches fresh catalogs for the barrier until `stop`.
  void RunCatalog(const std::stop_token& stop) { barrier_.Run(stop); }

  void Attach(FeedSubscriber* subscriber) override;
  void Detach(FeedSubscriber* subscriber) override;
  void Follow(FeedSubscriber* subscriber,
              const std::string& channel,
              bool ticked,
              FeedStart start) override;
  void Unfollow(FeedSubscriber* subscriber, const std::string& channel) override;

 private:
  struct Request {
    enum class Kind { kAttach, kFollow, kUnfollow } kind;
    FeedSubscriber* subscriber = nullptr;
    std::string channel;
    bool ticked = true;
    FeedStart start;
  };

  // What one round of Run reads.
  struct Round {
    size_t bytes = 0;      // per channel; 0: nothing
    bool stalled = false;  // rows of some channel wait for the catalog
    // Channels in which messages have begun to come after their tick: to be logged without the
    // lock.
    std::vector<std::string> outbreaks;
  };

  void Enqueue(Request request);
  void Wake();
  Round Prepare();
  void ApplyRequests() CDC_REQUIRES(mutex_);
  void Poll(const Round& round, const std::stop_token& stop);
  Status PollSlot(size_t slot,
                  size_t bytes,
                  std::chrono::milliseconds timeout,
                  const std::stop_token& stop,
                  bool* found);
  void HandleBatches(size_t slot, std::vector<LogBatch>* batches);
  void HandleFailure(size_t slot, const Status& status);

  Log* const log_;
  const Clock* const clock_;

  // Used only on Run's thread, except as CatalogBarrier allows.
  CatalogBarrier barrier_;
  ReaderSet readers_;
  Backoff backoff_{
      {.initial = std::chrono::milliseconds(50), .max = std::chrono::milliseconds(1'000)}};

  // Held while subscribers are called.
  Mutex mutex_;
  std::set<FeedSubscriber*> subscribers_ CDC_GUARDED_BY(mutex_);
  std::map<std::string, std::unique_ptr<ChannelFeed>> channels_ CDC_GUARDED_BY(mutex_);

  // Locked after mutex_, and not held while subscribers are called: they call Follow and Unfollow.
  Mutex requests_mutex_;
  std::vector<Request> requests_ CDC_GUARDED_BY(requests_mutex_);
  std::stop_source wake_ CDC_GUARDED_BY(requests_mutex_);  // ends the poll in progress

  // Declared last, so that it is destroyed first: it calls Wake.
  std::unique_ptr<CatalogSource::Subscription> subscription_;
};

}  // namespace cdc
