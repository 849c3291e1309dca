#include "sink/standby/standby_hub.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include <grpcpp/support/byte_buffer.h>
#include <spdlog/spdlog.h>

#include "base/base64.h"
#include "encode/byte_pieces.h"
#include "milvus.pb.h"
#include "milvus/milvus_channel.h"
#include "milvus/milvus_status.h"
#include "milvus/standby_probe.h"

namespace cdc {
namespace {

namespace pb = ::milvus::proto::milvus;
using std::chrono::milliseconds;

constexpr milliseconds kIdleWait{60'000};  // any work wakes it

// A ReplicateMessage is not atomic: if it fails, the messages before the one that failed stay. So
// every failure is in doubt, except when the target refuses such calls altogether.
StandbyQueue::Answer ReadAnswer(const CallResult& call, grpc::ByteBuffer* bytes) {
  if (!call.status.ok()) {
    return {.result = {call.status.WithContext("ReplicateMessage"), call.in_doubt},
            .answered = false};
  }
  pb::ReplicateMessageResponse response;
  if (Status parsed = MilvusChannel::Parse(bytes, &response); !parsed.ok()) {
    return {.result = {std::move(parsed), /*in_doubt=*/true}};
  }
  if (response.status().code() == kDenyReplicateMessage) {
    return {.result = {FailedPreconditionError(kNoStandby), /*in_doubt=*/false}};
  }
  const Status status = FromMilvusStatus(response.status());
  return {.result = {status.WithContext("ReplicateMessage"), /*in_doubt=*/!status.ok()},
          .position = {DecodeBase64(response.position()).value_or("")}};
}

void RunCallbacks(const StandbyQueue::Ended& ended) {
  for (const auto& [done, sent] : ended) {
    done(sent);
  }
}

}  // namespace

Result<std::unique_ptr<StandbyHub>> StandbyHub::New(const TargetOptions& target,
                                                    const StandbyHubOptions& options) {
  CDC_ASSIGN_OR_RETURN(auto connection, StandbyConnection::New(target));
  return std::unique_ptr<StandbyHub>(new StandbyHub(target.uri, std::move(connection), options));
}

StandbyHub::StandbyHub(std::string name,
                       std::unique_ptr<StandbyConnection> connection,
                       const StandbyHubOptions& options)
    : name_(std::move(name)),
      options_(options),
      clock_(connection.get(),
             {.name = name_,
              .timeout = options.query_timeout,
              .clock = options.clock,
              .on_answer = [this](const Status& status) { TakeTime(status); }}),
      connection_(std::move(connection)),
      channels_(connection_.get(),
                {.name = name_,
                 .interval = options.list_interval,
                 .call_timeout = options.query_timeout,
                 .on_change = [this] { TakeChannels(); }}),
      thread_("cdc-standby", [this](const std::stop_token& stop) { Run(stop); }) {}

void StandbyHub::Send(const void* owner,
                      const std::string& pchannel,
                      std::vector<StandbyMessage> messages,
                      Done done) {
  MutexLock lock(mutex_);
  QueueLocked(pchannel).Push(owner, std::move(messages), std::move(done));
  WakeLocked();
}

void StandbyHub::Cancel(const void* owner) {
  StandbyQueue::Ended ended;
  {
    MutexLock lock(mutex_);
    for (auto& [pchannel, queue] : queues_) {
      queue.Cancel(owner, &ended);
    }
  }
  RunCallbacks(ended);
}

void StandbyHub::Tick(const std::vector<std::string>& pchannels) { channels_.Add(pchannels); }

Status StandbyHub::Health() const {
  CDC_RETURN_IF_ERROR(clock_.Health());
  const auto now = options_.clock->Now();
  MutexLock lock(mutex_);
  for (const auto& [pchannel, queue] : queues_) {
    CDC_RETURN_IF_ERROR(queue.Health(now));
  }
  return OkStatus();
}

std::vector<TargetTick> StandbyHub::SentTicks() const {
  std::vector<TargetTick> ticks;
  MutexLock lock(mutex_);
  for (const auto& [pchannel, queue] : queues_) {
    if (queue.ticked() > Timestamp{}) {
      ticks.push_back({pchannel, queue.ticked()});
    }
  }
  return ticks;
}

Status StandbyHub::UseAccess(const TargetOptions& target) { return connection_->UseAccess(target); }

StandbyQueue& StandbyHub::QueueLocked(const std::string& pchannel) {
  return queues_.try_emplace(pchannel, pchannel, options_.queue).first->second;
}

void StandbyHub::WakeLocked() {
  awake_ = true;
  changed_.NotifyAll();
}

void StandbyHub::Run(const std::stop_token& stop) {
  while (true) {
    Work work;
    {
      MutexLock lock(mutex_);
      changed_.WaitFor(lock, stop, NextWaitLocked(), [this] { return awake_; });
      if (stop.stop_requested()) {
        return;
      }
      awake_ = false;
      work = PlanLocked();
    }
    RunCallbacks(work.ended);
    for (const CallPtr& call : work.calls) {
      Start(call);
    }
    if (work.ask_time) {
      clock_.Ask();
    }
  }
}

StandbyHub::Work StandbyHub::PlanLocked() {
  Work work;
  work.ended = std::exchange(ended_, {});
  const auto now = options_.clock->Now();
  if (std::exchange(channels_changed_, false)) {
    const std::set<std::string> ticked = channels_.Get();
    for (const std::string& pchannel : ticked) {
      QueueLocked(pchannel);
    }
    for (auto& [pchannel, queue] : queues_) {
      queue.SetTicking(ticked.contains(pchannel), now);
    }
  }
  const std::optional<Timestamp> time = clock_.Fresh();
  for (auto& [pchannel, queue] : queues_) {
    if (queue.NextCall() > now) {
      continue;
    }
    if (time.has_value()) {
      work.calls.push_back(queue.BeginCall(*time, now));
    } else {
      work.ask_time = true;
    }
  }
  return work;
}

milliseconds StandbyHub::NextWaitLocked() const {
  const auto now = options_.clock->Now();
  const auto next_ask = clock_.NextAsk();
  auto due = now + kIdleWait;
  for (const auto& [pchannel, queue] : queues_) {
    // A call also needs a fresh time. While one is being asked for, its answer wakes us.
    due = std::min(due, std::max(queue.NextCall(), next_ask));
  }
  return std::max(std::chrono::ceil<milliseconds>(due - now), milliseconds(0));
}

void StandbyHub::TakeTime(const Status& status) {
  MutexLock lock(mutex_);
  if (!status.ok()) {
    // The senders learn why and decide for themselves whether to try again.
    for (auto& [pchannel, queue] : queues_) {
      queue.FailQueued(status, &ended_);
    }
  }
  WakeLocked();
}

void StandbyHub::TakeChannels() {
  MutexLock lock(mutex_);
  channels_changed_ = true;
  WakeLocked();
}

void StandbyHub::Start(const CallPtr& call) {
  if (const Status allowed = options_.may_send ? options_.may_send() : OkStatus(); !allowed.ok()) {
    Finish(call, {.result = {.status = UnavailableError(allowed.message())}, .answered = false});
    return;
  }
  std::vector<const StandbyMessage*> messages;
  for (const auto& item : call->items) {
    for (const StandbyMessage& message : item->messages) {
      messages.push_back(&message);
    }
  }
  const std::vector<Payload> pieces = EncodeStandbyRequest(call->request, messages);
  connection_->channel()->Start("ReplicateMessage", "", ToByteBuffer(pieces), options_.call_timeout,
                                [this, call](const CallResult& result, grpc::ByteBuffer* bytes) {
                                  Finish(call, ReadAnswer(result, bytes));
                                });
}

void StandbyHub::Finish(const CallPtr& call, const StandbyQueue::Answer& answer) {
  const std::string& pchannel = call->request.pchannel;
  bool is_news = false;
  {
    MutexLock lock(mutex_);
    is_news = QueueLocked(pchannel).EndCall(answer, options_.clock->Now(), &ended_);
    WakeLocked();
  }
  if (is_news && answer.result.status.ok()) {
    spdlog::info("standby {} channel={}: recovered", name_, pchannel);
  } else if (is_news) {
    spdlog::warn("standby {} channel={}: {}", name_, pchannel, answer.result.status.ToString());
  }
}

}  // namespace cdc
