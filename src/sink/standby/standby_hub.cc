#include "sink/standby/standby_hub.h"

#include <algorithm>
#include <set>

#include <grpcpp/support/byte_buffer.h>
#include <spdlog/spdlog.h>

#include "encode/byte_pieces.h"
#include "milvus.pb.h"
#include "milvus/milvus_channel.h"
#include "milvus/milvus_status.h"
#include "milvus/standby_probe.h"

namespace cdc {
namespace {

namespace pb = ::milvus::proto::milvus;
using std::chrono::milliseconds;

constexpr milliseconds kIdleWait{60'000};
// Between a time of the standby's and the next one. Younger stamps are of no use: its own tick is
// ten times as long.
constexpr milliseconds kClockPeriod{20};
// After a failure that is none of the rows'.
constexpr milliseconds kAgain{1'000};
constexpr milliseconds kClockAgain{200};
// After a failure, how long what is queued for a channel is not sent together: one task's rows must
// not keep back those of others.
constexpr milliseconds kOneByOne{10'000};

Result<uint64_t> ReadClock(const CallResult& call, grpc::ByteBuffer* bytes) {
  CDC_RETURN_IF_ERROR(call.status.WithContext("AllocTimestamp"));
  pb::AllocTimestampResponse response;
  CDC_RETURN_IF_ERROR(MilvusChannel::Parse(bytes, &response));
  CDC_RETURN_IF_ERROR(FromMilvusStatus(response.status()).WithContext("AllocTimestamp"));
  return response.timestamp();
}

// Not atomic, whatever the answer says: messages before the one that failed stay.
WriteResult ReadAnswer(const CallResult& call, grpc::ByteBuffer* bytes) {
  if (!call.status.ok()) {
    return {call.status.WithContext("ReplicateMessage"), call.in_doubt};
  }
  pb::ReplicateMessageResponse response;
  if (Status parsed = MilvusChannel::Parse(bytes, &response); !parsed.ok()) {
    return {std::move(parsed), /*in_doubt=*/true};
  }
  if (response.status().code() == kDenyReplicateMessage) {
    return {FailedPreconditionError(kNoStandby), /*in_doubt=*/false};
  }
  const Status status = FromMilvusStatus(response.status());
  return {status.WithContext("ReplicateMessage"), /*in_doubt=*/!status.ok()};
}

}  // namespace

Result<std::unique_ptr<StandbyHub>> StandbyHub::New(const TargetOptions& target,
                                                    const StandbyHubOptions& options) {
  CDC_ASSIGN_OR_RETURN(auto connection, StandbyConnection::New(target));
  return std::unique_ptr<StandbyHub>(new StandbyHub(target.uri, std::move(connection), options));
}

StandbyHub::StandbyHub(std::string uri,
                       std::unique_ptr<StandbyConnection> connection,
                       const StandbyHubOptions& options)
    : uri_(std::move(uri)),
      options_(options),
      connection_(std::move(connection)),
      channels_(connection_.get(),
                {.name = uri_,
                 .interval = options.list_interval,
                 .call_timeout = options.clock_timeout,
                 .on_change =
                     [this] {
                       MutexLock lock(mutex_);
                       channels_changed_ = true;
                       WakeLocked();
                     }}),
      thread_("cdc-standby", [this](const std::stop_token& stop) { Run(stop); }) {}

Status StandbyHub::UseCredentials(const TargetOptions& target) {
  return connection_->UseCredentials(target);
}

void StandbyHub::WakeLocked() {
  dirty_ = true;
  changed_.NotifyAll();
}

void StandbyHub::Send(const void* owner,
                      const std::string& pchannel,
                      std::vector<StandbyMessage> messages,
                      Done done) {
  auto item = std::make_shared<Item>();
  item->owner = owner;
  item->messages = std::move(messages);
  for (const StandbyMessage& message : item->messages) {
    item->bytes += message.Size();
  }
  item->done = std::move(done);
  MutexLock lock(mutex_);
  senders_[pchannel].queue.push_back(std::move(item));
  WakeLocked();
}

void StandbyHub::Cancel(const void* owner) {
  std::vector<std::pair<Done, Sent>> done;
  {
    MutexLock lock(mutex_);
    for (auto& [pchannel, sender] : senders_) {
      for (const auto& item : sender.queue) {
        if (item->owner == owner && item->done) {
          done.emplace_back(std::exchange(item->done, nullptr),
                            Sent{{CancelledError("cancelled before it was sent"), false}, {}});
        }
      }
      std::erase_if(sender.queue, [](const auto& item) { return !item->done; });
      if (sender.in_flight == nullptr) {
        continue;
      }
      for (const auto& item : sender.in_flight->items) {
        if (item->owner == owner && item->done) {
          done.emplace_back(std::exchange(item->done, nullptr),
                            Sent{{CancelledError("cancelled, and may be carried out"), true}, {}});
        }
      }
    }
  }
  for (const auto& [call_back, sent] : done) {
    call_back(sent);
  }
}

void StandbyHub::Tick(const std::vector<std::string>& pchannels) { channels_.Add(pchannels); }

void StandbyHub::TakeChannelsLocked() {
  const std::set<std::string> ticked = channels_.Get();
  for (const std::string& pchannel : ticked) {
    Sender& sender = senders_[pchannel];
    if (!sender.ticking) {
      sender.tick_due = Clock::now() + options_.tick_interval;
    }
  }
  for (auto& [pchannel, sender] : senders_) {
    sender.ticking = ticked.contains(pchannel);
  }
}

void StandbyHub::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    Work work;
    {
      MutexLock lock(mutex_);
      changed_.WaitFor(lock, stop, NextWaitLocked(), [this] { return dirty_; });
      if (stop.stop_requested()) {
        return;
      }
      dirty_ = false;
      work.done = std::exchange(done_, {});
      PlanLocked(&work);
    }
    for (const auto& [call_back, sent] : work.done) {
      call_back(sent);
    }
    for (const std::shared_ptr<Call>& call : work.calls) {
      Start(call);
    }
    if (work.ask_clock) {
      AskClock();
    }
  }
}

Status StandbyHub::Health() const {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(clock_health_);
  const auto now = Clock::now();
  for (const auto& [pchannel, sender] : senders_) {
    if (!sender.ticking) {
      continue;  // its collections are gone
    }
    const std::string channel = "channel " + pchannel;
    if (sender.in_flight != nullptr && now - sender.sent_at > options_.silence) {
      const auto waited = std::chrono::duration_cast<milliseconds>(now - sender.sent_at);
      return DeadlineExceededError("ReplicateMessage: no answer for " +
                                   std::to_string(waited.count()) + " ms")
          .WithContext(channel);
    }
    CDC_RETURN_IF_ERROR(sender.health.WithContext(channel));
  }
  return OkStatus();
}

bool StandbyHub::IsDueLocked(const Sender& sender, Clock::time_point now) const {
  return sender.in_flight == nullptr && now >= sender.not_before &&
         (!sender.queue.empty() || (sender.ticking && now >= sender.tick_due));
}

bool StandbyHub::IsClockFreshLocked(Clock::time_point now) const {
  return clock_ != 0 && now - clock_asked_at_ < kClockPeriod;
}

void StandbyHub::PlanLocked(Work* work) {
  const auto now = Clock::now();
  if (std::exchange(channels_changed_, false)) {
    TakeChannelsLocked();
  }
  for (auto& [pchannel, sender] : senders_) {
    if (!IsDueLocked(sender, now)) {
      continue;
    }
    if (IsClockFreshLocked(now)) {
      StartCallLocked(pchannel, &sender, work);
    } else if (!clock_asked_ && now >= clock_not_before_) {
      clock_asked_ = work->ask_clock = true;
    }
  }
}

void StandbyHub::StartCallLocked(const std::string& pchannel, Sender* sender, Work* work) {
  auto call = std::make_shared<Call>();
  uint64_t stamps = 0;
  size_t bytes = 0;
  const bool one_by_one = Clock::now() < sender->one_by_one_until;
  while (!sender->queue.empty() &&
         (call->items.empty() ||
          (!one_by_one && bytes + sender->queue.front()->bytes <= options_.call_bytes))) {
    bytes += sender->queue.front()->bytes;
    stamps += sender->queue.front()->messages.size();
    call->items.push_back(std::move(sender->queue.front()));
    sender->queue.pop_front();
  }
  call->request.pchannel = pchannel;
  call->request.begin = std::max(sender->last + 1, clock_);
  call->request.end = call->request.begin + std::max<uint64_t>(stamps, 1) - 1;
  sender->last = call->request.end;
  sender->in_flight = call;
  sender->sent_at = Clock::now();
  sender->tick_due = Clock::now() + options_.tick_interval;
  work->calls.push_back(std::move(call));
}

milliseconds StandbyHub::NextWaitLocked() const {
  const auto now = Clock::now();
  auto due = now + kIdleWait;
  for (const auto& [pchannel, sender] : senders_) {
    if (sender.in_flight != nullptr || (sender.queue.empty() && !sender.ticking)) {
      continue;
    }
    auto sender_due = sender.queue.empty() ? sender.tick_due : sender.not_before;
    sender_due = std::max(sender_due, sender.not_before);
    if (!IsClockFreshLocked(std::max(sender_due, now))) {
      if (clock_asked_) {
        continue;  // the answer wakes us
      }
      sender_due = std::max(sender_due, clock_not_before_);
    }
    due = std::min(due, sender_due);
  }
  return std::clamp(std::chrono::ceil<milliseconds>(due - now), milliseconds(0), kIdleWait);
}

void StandbyHub::AskClock() {
  static const grpc::Slice kNoRequest("");
  const auto asked = Clock::now();
  connection_->channel()->Start("AllocTimestamp", "", grpc::ByteBuffer(&kNoRequest, 1),
                                options_.clock_timeout,
                                [this, asked](const CallResult& call, grpc::ByteBuffer* bytes) {
                                  TakeClock(ReadClock(call, bytes), asked);
                                });
}

void StandbyHub::TakeClock(const Result<uint64_t>& clock, Clock::time_point asked) {
  MutexLock lock(mutex_);
  clock_asked_ = false;
  clock_health_ = clock.status();
  WakeLocked();
  if (clock.ok()) {
    clock_ = std::max(clock_, *clock);
    // A slow answer is as good as a quick one: what it says was never ahead.
    clock_asked_at_ = std::max(asked, Clock::now() - kClockPeriod / 2);
    if (std::exchange(clock_failing_, false)) {
      spdlog::info("standby {}: answers again", uri_);
    }
    return;
  }
  if (!std::exchange(clock_failing_, true)) {
    spdlog::warn("standby {}: {}; no ticks meanwhile", uri_, clock.status().ToString());
  }
  clock_not_before_ = Clock::now() + kClockAgain;
  // Whoever waits hears why, and decides himself whether to try again.
  for (auto& [pchannel, sender] : senders_) {
    for (const auto& item : std::exchange(sender.queue, {})) {
      done_.emplace_back(std::exchange(item->done, nullptr),
                         Sent{{clock.status(), /*in_doubt=*/false}, {}});
    }
  }
}

void StandbyHub::Start(const std::shared_ptr<Call>& call) {
  std::vector<const StandbyMessage*> messages;
  for (const auto& item : call->items) {
    for (const StandbyMessage& message : item->messages) {
      messages.push_back(&message);
    }
  }
  const std::vector<Payload> pieces = EncodeStandbyRequest(call->request, messages);
  connection_->channel()->Start("ReplicateMessage", "", ToByteBuffer(pieces), options_.call_timeout,
                                [this, call](const CallResult& result, grpc::ByteBuffer* bytes) {
                                  Finish(call, ReadAnswer(result, bytes),
                                         /*answered=*/result.status.ok());
                                });
}

void StandbyHub::Finish(const std::shared_ptr<Call>& call, WriteResult result, bool answered) {
  MutexLock lock(mutex_);
  Sender& sender = senders_[call->request.pchannel];
  sender.in_flight = nullptr;
  const auto now = Clock::now();
  if (!result.status.ok()) {
    sender.tick_due = now + kAgain;
    sender.one_by_one_until = now + kOneByOne;
  }
  if (result.in_doubt && !answered) {
    sender.not_before = now + options_.grace;
  }
  TellLocked(&sender, call->request.pchannel, result.status);
  // What the standby itself says of rows concerns their task alone.
  if (result.status.ok() || !answered || call->items.empty()) {
    sender.health = result.status;
  }
  // Whose rows were refused is not known: alone, each hears of its own.
  if (call->items.size() > 1 && result.in_doubt && !IsRetryable(result.status)) {
    result.status = Status(StatusCode::kAborted, result.status.message());
  }
  const Timestamp stamp{call->request.end};
  for (const auto& item : call->items) {
    if (item->done) {
      done_.emplace_back(std::exchange(item->done, nullptr), Sent{result, stamp});
    }
  }
  WakeLocked();
}

void StandbyHub::TellLocked(Sender* sender, const std::string& pchannel, const Status& status) {
  const bool failed = !status.ok();
  if (failed != std::exchange(sender->failing, failed)) {
    if (failed) {
      spdlog::warn("standby {} channel={}: {}", uri_, pchannel, status.ToString());
    } else {
      spdlog::info("standby {} channel={}: well again", uri_, pchannel);
    }
  }
}

}  // namespace cdc
