#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "base/thread.h"
#include "model/ids.h"
#include "sink/row_sink.h"
#include "sink/standby/standby_channels.h"
#include "sink/standby/standby_connection.h"
#include "sink/standby/standby_message.h"
#include "sink/target.h"

namespace cdc {

struct StandbyHubOptions {
  std::chrono::milliseconds tick_interval{250};  // of a channel without rows
  std::chrono::milliseconds call_timeout{60'000};
  std::chrono::milliseconds clock_timeout{10'000};
  std::chrono::milliseconds silence{7'000};  // of a call, until it counts as no answer
  // How long nothing is sent to a channel after a call that ended unknown: it may still go on.
  std::chrono::milliseconds grace{1'000};
  std::chrono::milliseconds list_interval{60'000};  // between two looks at what has to be ticked
  size_t call_bytes = 16U << 20;                    // that go together
};

// Writes the queues of one standby, for all tasks of this process: the standby's own processes
// write none. For each pchannel one call is in flight, in order; what is queued meanwhile goes
// together in the next one, with one tick behind it. A channel without rows gets ticks, for without
// them the standby answers no query and completes no load. All channels of all its collections are
// ticked as long as this lives (StandbyChannels).
//
// One clock: every stamp comes from the standby's own timestamps, asked for while the hub works,
// and is above all that were sent on its channel before. So stamps are above what any process ever
// sent, are never ahead of the standby's clock (it would refuse the rows), and a tick passes the
// time that a strong query waits for; and nothing about them needs to be durable.
//
// Thread-safe. Has a thread of its own.
class StandbyHub {
 public:
  // Nothing is connected yet. kInvalidArgument: see NewMilvusTarget.
  static Result<std::unique_ptr<StandbyHub>> New(const TargetOptions& target,
                                                 const StandbyHubOptions& options = {});
  StandbyHub(const StandbyHub&) = delete;
  StandbyHub& operator=(const StandbyHub&) = delete;

  // What was sent: the outcome, and the last stamp. A failure is in doubt unless nothing was sent;
  // kFailedPrecondition: the target is no standby.
  struct Sent {
    WriteResult result;
    Timestamp stamp;
  };
  using Done = std::function<void(const Sent&)>;

  // Queues `messages` of `owner`; their stamps rise in order. `done` is called exactly once, from
  // another thread, and must return at once.
  void Send(const void* owner,
            const std::string& pchannel,
            std::vector<StandbyMessage> messages,
            Done done);

  // Ends everything of `owner`: what is queued is taken back, what is in flight is in doubt.
  // `done` is called from this thread.
  void Cancel(const void* owner);

  // Ticks these from now on.
  void Tick(const std::vector<std::string>& pchannels);

  // Why the standby gets no ticks at present: it does not answer, or refuses one that carries no
  // rows. Ok too as long as nothing was sent.
  Status Health() const;

  // Speaks with these credentials from now on. They should have been proved: all tasks use them.
  Status UseCredentials(const TargetOptions& target);

 private:
  using Clock = std::chrono::steady_clock;

  struct Item {
    const void* owner = nullptr;
    std::vector<StandbyMessage> messages;
    size_t bytes = 0;
    Done done;  // empty: it was called
  };
  // One ReplicateMessage.
  struct Call {
    StandbyRequest request;
    std::vector<std::shared_ptr<Item>> items;
  };
  struct Sender {
    std::deque<std::shared_ptr<Item>> queue;
    std::shared_ptr<Call> in_flight;
    Clock::time_point sent_at;  // of the one in flight
    uint64_t last = 0;          // stamp
    bool ticking = false;
    Clock::time_point tick_due;    // the next one without rows
    Clock::time_point not_before;  // of the next call
    Clock::time_point one_by_one_until;
    bool failing = false;
    Status health;  // of the last call that ended, unless its rows may be to blame
  };
  // What a round has decided, to be done without the lock.
  struct Work {
    bool ask_clock = false;
    std::vector<std::shared_ptr<Call>> calls;
    std::vector<std::pair<Done, Sent>> done;
  };

  StandbyHub(std::string uri,
             std::unique_ptr<StandbyConnection> connection,
             const StandbyHubOptions& options);

  void Run(const std::stop_token& stop);
  void PlanLocked(Work* work) CDC_REQUIRES(mutex_);
  void StartCallLocked(const std::string& pchannel, Sender* sender, Work* work)
      CDC_REQUIRES(mutex_);
  void TakeChannelsLocked() CDC_REQUIRES(mutex_);
  std::chrono::milliseconds NextWaitLocked() const CDC_REQUIRES(mutex_);
  bool IsDueLocked(const Sender& sender, Clock::time_point now) const CDC_REQUIRES(mutex_);
  bool IsClockFreshLocked(Clock::time_point now) const CDC_REQUIRES(mutex_);

  void AskClock();
  void TakeClock(const Result<uint64_t>& clock, Clock::time_point asked);
  void Start(const std::shared_ptr<Call>& call);
  void Finish(const std::shared_ptr<Call>& call, WriteResult result, bool answered);
  void WakeLocked() CDC_REQUIRES(mutex_);
  void TellLocked(Sender* sender, const std::string& pchannel, const Status& status)
      CDC_REQUIRES(mutex_);

  const std::string uri_;
  const StandbyHubOptions options_;

  mutable Mutex mutex_;
  CondVar changed_;
  bool dirty_ CDC_GUARDED_BY(mutex_) = false;
  std::map<std::string, Sender> senders_ CDC_GUARDED_BY(mutex_);  // by pchannel
  uint64_t clock_ CDC_GUARDED_BY(mutex_) = 0;
  Clock::time_point clock_asked_at_ CDC_GUARDED_BY(mutex_);  // the newest that was answered
  bool clock_asked_ CDC_GUARDED_BY(mutex_) = false;
  Clock::time_point clock_not_before_ CDC_GUARDED_BY(mutex_);
  bool clock_failing_ CDC_GUARDED_BY(mutex_) = false;
  Status clock_health_ CDC_GUARDED_BY(mutex_);
  bool channels_changed_ CDC_GUARDED_BY(mutex_) = false;
  std::vector<std::pair<Done, Sent>> done_ CDC_GUARDED_BY(mutex_);

  // After everything that the callbacks of its calls use.
  const std::unique_ptr<StandbyConnection> connection_;
  StandbyChannels channels_;

  // Joined first: nothing may be declared after it.
  Thread thread_;
};

}  // namespace cdc
