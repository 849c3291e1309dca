#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/thread.h"
#include "sink/standby/standby_channels.h"
#include "sink/standby/standby_clock.h"
#include "sink/standby/standby_connection.h"
#include "sink/standby/standby_message.h"
#include "sink/standby/standby_queue.h"
#include "sink/target.h"

namespace cdc {

struct StandbyHubOptions {
  StandbyQueueOptions queue;                        // of each pchannel
  std::chrono::milliseconds call_timeout{60'000};   // of a ReplicateMessage
  std::chrono::milliseconds query_timeout{10'000};  // of everything the hub asks the standby
  std::chrono::milliseconds list_interval{60'000};  // see StandbyChannels
  const Clock* clock = &Clock::Real();
  // Asked before each ReplicateMessage; must return at once. On an error nothing is sent, and what
  // was to be sent ends with kUnavailable, not in doubt. Unset: always allowed.
  std::function<Status()> may_send{};
};

// Writes the queues of one standby for all tasks of this process; the standby itself writes none.
// Each pchannel has a StandbyQueue with one call in flight. A call ends with a tick, and a pchannel
// without rows gets ticks alone, because without ticks the standby answers no query and completes
// no load. As long as the hub lives, the channels of all collections are ticked (StandbyChannels),
// whether or not a task writes to them.
//
// There is one clock, the standby's own (StandbyClock). Every stamp is at or above a fresh time of
// it, and above all earlier stamps of its pchannel. So a stamp is above everything that any process
// ever sent; it is not ahead of the standby's clock, which would refuse the rows; and a tick passes
// the time that a strong query waits for. Nothing about stamps needs to be durable.
//
// Thread-safe. Has a thread of its own. The destructor cancels the calls in flight.
class StandbyHub {
 public:
  using Sent = StandbyQueue::Sent;
  using Done = StandbyQueue::Done;

  // Nothing is connected yet. kInvalidArgument: see NewMilvusTarget.
  static Result<std::unique_ptr<StandbyHub>> New(const TargetOptions& target,
                                                 const StandbyHubOptions& options = {});
  StandbyHub(const StandbyHub&) = delete;
  StandbyHub& operator=(const StandbyHub&) = delete;

  // Queues `messages` of `owner`; their stamps rise in this order. `done` is called exactly once,
  // from another thread, and must return at once. kFailedPrecondition: the target is no standby.
  void Send(const void* owner,
            const std::string& pchannel,
            std::vector<StandbyMessage> messages,
            Done done);

  // Ends everything of `owner` with kCancelled, in doubt if it was sent. Its callbacks are called
  // from this thread.
  void Cancel(const void* owner);

  // Ticks these pchannels from now on.
  void Tick(const std::vector<std::string>& pchannels);

  // Why the standby gets no ticks at present: it does not answer, or it refuses a tick without
  // rows. Ok before anything was sent.
  Status Health() const;

  // The newest tick that the standby has taken of each pchannel that got one.
  std::vector<TargetTick> SentTicks() const;

  // Calls started from now on use this address of the standby and these credentials. All tasks
  // depend on them, so pass only what the standby has accepted. kInvalidArgument: see New.
  Status UseAccess(const TargetOptions& target);

 private:
  using CallPtr = std::shared_ptr<const StandbyQueue::Call>;
  // What a round has decided, to be done without the lock.
  struct Work {
    StandbyQueue::Ended ended;
    std::vector<CallPtr> calls;
    bool ask_time = false;
  };

  StandbyHub(std::string name,
             std::unique_ptr<StandbyConnection> connection,
             const StandbyHubOptions& options);

  void Run(const std::stop_token& stop);
  Work PlanLocked() CDC_REQUIRES(mutex_);
  std::chrono::milliseconds NextWaitLocked() const CDC_REQUIRES(mutex_);
  void Start(const CallPtr& call);
  void Finish(const CallPtr& call, const StandbyQueue::Answer& answer);
  void TakeTime(const Status& status);
  void TakeChannels();
  StandbyQueue& QueueLocked(const std::string& pchannel) CDC_REQUIRES(mutex_);
  void WakeLocked() CDC_REQUIRES(mutex_);

  const std::string name_;  // in logs
  const StandbyHubOptions options_;

  mutable Mutex mutex_;
  CondVar changed_;
  bool awake_ CDC_GUARDED_BY(mutex_) = false;  // there may be work
  bool channels_changed_ CDC_GUARDED_BY(mutex_) = false;
  std::map<std::string, StandbyQueue> queues_ CDC_GUARDED_BY(mutex_);  // by pchannel
  StandbyQueue::Ended ended_ CDC_GUARDED_BY(mutex_);                   // for the hub's thread

  // The callbacks of the connection's calls use everything above it, so it ends first.
  StandbyClock clock_;
  const std::unique_ptr<StandbyConnection> connection_;
  StandbyChannels channels_;

  // Joined first: nothing may be declared after it.
  Thread thread_;
};

}  // namespace cdc
