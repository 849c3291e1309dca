#include "sink/standby/standby_queue.h"

#include <algorithm>

namespace cdc {
namespace {

using std::chrono::milliseconds;

// Until the next tick after a failed call.
constexpr milliseconds kTickRetry{1'000};
// How long items are sent one by one after a failed call, so that the rows of one task, if they are
// to blame, do not hold up the rows of others.
constexpr milliseconds kOneByOne{10'000};

}  // namespace

void StandbyQueue::Push(const void* owner, std::vector<StandbyMessage> messages, Done done) {
  auto item = std::make_shared<Item>();
  item->owner = owner;
  item->messages = std::move(messages);
  for (const StandbyMessage& message : item->messages) {
    item->bytes += message.Size();
  }
  item->done = std::move(done);
  queued_.push_back(std::move(item));
}

void StandbyQueue::Cancel(const void* owner, Ended* ended) {
  for (const auto& item : queued_) {
    if (item->owner == owner) {
      ended->emplace_back(std::exchange(item->done, nullptr),
                          Sent{{CancelledError("cancelled before it was sent"), false}, {}});
    }
  }
  std::erase_if(queued_, [owner](const auto& item) { return item->owner == owner; });
  if (in_flight_ == nullptr) {
    return;
  }
  for (const auto& item : in_flight_->items) {
    if (item->owner == owner && item->done) {
      ended->emplace_back(std::exchange(item->done, nullptr),
                          Sent{{CancelledError("cancelled, but it may be executed"), true}, {}});
    }
  }
}

void StandbyQueue::FailQueued(const Status& status, Ended* ended) {
  for (const auto& item : std::exchange(queued_, {})) {
    ended->emplace_back(std::exchange(item->done, nullptr), Sent{{status, /*in_doubt=*/false}, {}});
  }
}

void StandbyQueue::SetTicking(bool ticking, Clock::TimePoint now) {
  if (ticking && !ticking_) {
    tick_due_ = now + options_.tick_interval;
  }
  ticking_ = ticking;
}

Clock::TimePoint StandbyQueue::NextCall() const {
  if (in_flight_ != nullptr || (queued_.empty() && !ticking_)) {
    return Clock::TimePoint::max();
  }
  return queued_.empty() ? std::max(tick_due_, not_before_) : not_before_;
}

std::shared_ptr<const StandbyQueue::Call> StandbyQueue::BeginCall(Timestamp time,
                                                                  Clock::TimePoint now) {
  auto call = std::make_shared<Call>();
  uint64_t messages = 0;
  size_t bytes = 0;
  const bool one_by_one = now < one_by_one_until_;
  while (!queued_.empty() &&
         (call->items.empty() ||
          (!one_by_one && bytes + queued_.front()->bytes <= options_.call_bytes))) {
    bytes += queued_.front()->bytes;
    messages += queued_.front()->messages.size();
    call->items.push_back(std::move(queued_.front()));
    queued_.pop_front();
  }
  // Each message has a stamp, and the tick repeats the last one. A tick alone has its own.
  call->request.pchannel = pchannel_;
  call->request.begin = std::max(last_stamp_ + 1, time.value);
  call->request.end = call->request.begin + std::max<uint64_t>(messages, 1) - 1;
  last_stamp_ = call->request.end;
  in_flight_ = call;
  sent_at_ = now;
  tick_due_ = now + options_.tick_interval;
  return call;
}

bool StandbyQueue::EndCall(const Answer& answer, Clock::TimePoint now, Ended* ended) {
  const auto& [result, answered, position] = answer;
  const std::shared_ptr<const Call> call = std::exchange(in_flight_, nullptr);
  const bool failed = !result.status.ok();
  if (!failed) {
    ticked_ = Timestamp{call->request.end};
  } else {
    tick_due_ = now + kTickRetry;
    one_by_one_until_ = now + kOneByOne;
  }
  if (result.in_doubt && !answered) {
    not_before_ = now + options_.grace;
  }
  // A standby that answers but refuses rows is healthy: the refusal concerns their task alone.
  if (!failed || !answered || call->items.empty()) {
    health_ = result.status;
  }
  Sent sent{result, Timestamp{call->request.end}, position};
  // The answer does not say whose rows were refused. Marked as retryable, all of them come back,
  // are sent one by one, and get an answer each.
  if (call->items.size() > 1 && result.in_doubt && !IsRetryable(result.status)) {
    sent.result.status = Status(StatusCode::kAborted, result.status.message());
  }
  for (const auto& item : call->items) {
    if (item->done) {  // not cancelled meanwhile
      ended->emplace_back(std::exchange(item->done, nullptr), sent);
    }
  }
  return failed != std::exchange(failing_, failed);
}

Status StandbyQueue::Health(Clock::TimePoint now) const {
  if (!ticking_) {
    return OkStatus();  // its collections are gone
  }
  const std::string context = "channel " + pchannel_;
  if (in_flight_ != nullptr && now - sent_at_ > options_.silence) {
    const auto waited = std::chrono::duration_cast<milliseconds>(now - sent_at_);
    return DeadlineExceededError("ReplicateMessage: no answer for " +
                                 std::to_string(waited.count()) + " ms")
        .WithContext(context);
  }
  return health_.WithContext(context);
}

}  // namespace cdc
