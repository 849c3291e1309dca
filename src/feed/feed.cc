#include "feed/feed.h"

#include <algorithm>
#include <exception>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/thread.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPollTimeout{200};
// While a second reader catches up, or rows wait for the catalog. Both readers are polled by one
// thread: each must not wait long for the other.
constexpr milliseconds kShortPoll{20};
constexpr size_t kAnyRoom = 4U << 20;

}  // namespace

Feed::Feed(CatalogSource* catalog, Log* log, const Clock* clock)
    : log_(log),
      clock_(clock),
      barrier_(catalog),
      readers_(log),
      subscription_(catalog->Subscribe([this] { Wake(); })) {}

Feed::~Feed() = default;

void Feed::Attach(FeedSubscriber* subscriber) {
  Enqueue({.kind = Request::Kind::kAttach, .subscriber = subscriber});
}

void Feed::Follow(FeedSubscriber* subscriber,
                  const std::string& channel,
                  bool ticked,
                  FeedStart start) {
  Enqueue({.kind = Request::Kind::kFollow,
           .subscriber = subscriber,
           .channel = channel,
           .ticked = ticked,
           .start = std::move(start)});
}

void Feed::Unfollow(FeedSubscriber* subscriber, const std::string& channel) {
  Enqueue({.kind = Request::Kind::kUnfollow, .subscriber = subscriber, .channel = channel});
}

void Feed::Enqueue(Request request) {
  MutexLock lock(requests_mutex_);
  requests_.push_back(std::move(request));
  wake_.request_stop();
}

void Feed::Wake() {
  MutexLock lock(requests_mutex_);
  wake_.request_stop();
}

void Feed::Detach(FeedSubscriber* subscriber) {
  // Waits for the calls in progress, during which the lock is held. Requests that are not applied
  // yet are removed as well: they would bring the subscriber back.
  MutexLock lock(mutex_);
  subscribers_.erase(subscriber);
  for (auto& [name, channel] : channels_) {
    channel->Unfollow(subscriber);
  }
  MutexLock requests_lock(requests_mutex_);
  std::erase_if(requests_,
                [subscriber](const Request& request) { return request.subscriber == subscriber; });
}

void Feed::Run(const std::stop_token& stop) {
  // A poll in progress is ended by a new request, a new catalog and a stop. One stop_source serves
  // one round, since it cannot be reset.
  const std::stop_callback wake(stop, [this] { Wake(); });
  while (!stop.stop_requested()) {
    std::stop_token woken;
    {
      MutexLock lock(requests_mutex_);
      wake_ = std::stop_source();
      woken = wake_.get_token();
    }
    // If the stop came before the new stop_source, its Wake went to the old one.
    if (stop.stop_requested()) {
      return;
    }
    try {
      const Round round = Prepare();
      for (const std::string& channel : round.outbreaks) {
        spdlog::warn(
            "messages came after the tick that had promised there would be no more of their time, "
            "so changes of one key may be out of order, channel={}",
            channel);
      }
      if (round.stalled) {
        barrier_.WaitForAnswer(kShortPoll, woken);
      }
      Poll(round, woken);
    } catch (const std::exception& error) {
      // An exception of a library, or a lack of memory, ends the tasks but not the server.
      for (size_t slot = 0; slot < ReaderSet::kSlots; ++slot) {
        HandleFailure(slot, InternalError(std::string("unexpected: ") + error.what()));
      }
    }
  }
}

Feed::Round Feed::Prepare() {
  MutexLock lock(mutex_);
  // Before the cursors are updated: what waited for this catalog then goes on, and each subscriber
  // has the catalog before a group that needs it.
  if (barrier_.Refresh()) {
    for (FeedSubscriber* subscriber : subscribers_) {
      subscriber->OnCatalog(barrier_.catalog());
    }
  }
  ApplyRequests();
  Round round;
  for (auto channel = channels_.begin(); channel != channels_.end();) {
    channel->second->UpdateCursors();
    if (channel->second->TakeOutbreak()) {
      round.outbreaks.push_back(channel->first);
    }
    if (channel->second->empty()) {
      spdlog::info("channel={} no longer followed", channel->first);
      channel = channels_.erase(channel);
      continue;
    }
    if (const auto room = channel->second->room()) {
      round.bytes = std::min(round.bytes == 0 ? kAnyRoom : round.bytes, *room);
    }
    round.stalled = round.stalled || channel->second->stalled();
    ++channel;
  }
  return round;
}

void Feed::ApplyRequests() {
  // Until there are none: OnCatalog of a new subscriber usually follows channels, and they should
  // be part of this round.
  while (true) {
    std::vector<Request> requests;
    {
      MutexLock lock(requests_mutex_);
      requests = std::exchange(requests_, {});
    }
    if (requests.empty()) {
      return;
    }
    for (Request& request : requests) {
      if (request.kind == Request::Kind::kAttach) {
        subscribers_.insert(request.subscriber);
        request.subscriber->OnCatalog(barrier_.catalog());
      } else if (request.kind == Request::Kind::kUnfollow) {
        const auto found = channels_.find(request.channel);
        if (found != channels_.end()) {
          found->second->Unfollow(request.subscriber);
        }
      } else {
        std::unique_ptr<ChannelFeed>& channel = channels_[request.channel];
        if (channel == nullptr) {
          channel = std::make_unique<ChannelFeed>(request.channel, request.ticked, log_, &barrier_,
                                                  &readers_, clock_);
        }
        channel->Follow(request.subscriber, std::move(request.start));
      }
    }
  }
}

void Feed::Poll(const Round& round, const std::stop_token& stop) {
  const size_t bytes = round.bytes == 0 ? kAnyRoom : round.bytes;
  bool found = false;
  Status failure;
  // The second reader first and without waiting; the first one then waits only if there was nothing
  // to catch up with.
  const bool second = readers_.IsUsed(1);
  if (second) {
    failure = PollSlot(1, bytes, milliseconds(0), stop, &found);
  }
  if (readers_.IsUsed(0)) {
    const milliseconds timeout = found           ? milliseconds(0)
                                 : round.stalled ? milliseconds(1)
                                 : second        ? kShortPoll
                                                 : kPollTimeout;
    const Status status = PollSlot(0, bytes, timeout, stop, &found);
    failure = failure.ok() ? status : failure;
  } else if (!found) {
    Pause(second ? kShortPoll : kPollTimeout, stop);
  }
  if (failure.ok()) {
    backoff_.Reset();
  } else {
    Pause(backoff_.Next(), stop);
  }
}

Status Feed::PollSlot(
    size_t slot, size_t bytes, milliseconds timeout, const std::stop_token& stop, bool* found) {
  // Without mutex_: Detach must not wait for a poll.
  std::vector<LogBatch> batches;
  const Status status = readers_.Get(slot)->Poll(bytes, timeout, stop, &batches);
  if (!status.ok()) {
    HandleFailure(slot, status);
    return status;
  }
  *found = *found || std::any_of(batches.begin(), batches.end(),
                                 [](const LogBatch& batch) { return !batch.records.empty(); });
  HandleBatches(slot, &batches);
  return OkStatus();
}

void Feed::HandleBatches(size_t slot, std::vector<LogBatch>* batches) {
  MutexLock lock(mutex_);
  // A channel without a batch had no error either. If it had one before, it has recovered.
  std::set<std::string> with_batch;
  for (LogBatch& batch : *batches) {
    with_batch.insert(batch.channel);
    const auto channel = channels_.find(batch.channel);
    if (channel != channels_.end()) {
      channel->second->Handle(slot, &batch);
    }
  }
  for (auto& [name, channel] : channels_) {
    if (!with_batch.contains(name)) {
      channel->HandleNoError(slot);
    }
  }
}

void Feed::HandleFailure(size_t slot, const Status& status) {
  MutexLock lock(mutex_);
  for (auto& [name, channel] : channels_) {
    LogBatch batch{.channel = name, .records = {}, .status = status};
    channel->Handle(slot, &batch);
  }
}

}  // namespace cdc
