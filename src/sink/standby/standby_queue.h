#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "model/ids.h"
#include "sink/row_sink.h"
#include "sink/standby/standby_message.h"

namespace cdc {

struct StandbyQueueOptions {
  std::chrono::milliseconds tick_interval{250};  // while there are no rows
  std::chrono::milliseconds silence{7'000};      // of a call, until it counts as no answer
  // How long nothing is sent after an unknown outcome: the standby may still execute that call.
  std::chrono::milliseconds grace{1'000};
  size_t call_bytes = 16U << 20;  // that go into one call
};

// One pchannel of a standby: the messages that wait, the call in flight, and when the next call is
// due. Only one call is in flight, so that stamps arrive in rising order; messages queued meanwhile
// go together into the next one.
//
// It only decides: the owner makes the calls, runs the callbacks, and passes in the time. Not
// thread-safe.
class StandbyQueue {
 public:
  // The outcome of a Push, and the last stamp of its call.
  struct Sent {
    WriteResult result;
    Timestamp stamp;
    MsgId position = {};  // of that stamp's tick in the standby's queue; empty: it was not told
  };
  using Done = std::function<void(const Sent&)>;
  // Callbacks and their arguments, which the owner runs without a lock.
  using Ended = std::vector<std::pair<Done, Sent>>;

  // The messages of one Push.
  struct Item {
    const void* owner = nullptr;
    std::vector<StandbyMessage> messages;
    size_t bytes = 0;
    Done done;  // empty: it is in Ended
  };
  // One ReplicateMessage. Without items it is a tick alone.
  struct Call {
    StandbyRequest request;
    std::vector<std::shared_ptr<Item>> items;
  };

  StandbyQueue(std::string pchannel, const StandbyQueueOptions& options)
      : pchannel_(std::move(pchannel)), options_(options) {}

  void Push(const void* owner, std::vector<StandbyMessage> messages, Done done);

  // Ends everything of `owner` with kCancelled: queued messages are removed, and the ones in flight
  // are in doubt.
  void Cancel(const void* owner, Ended* ended);

  // Ends everything that is queued with `status`, not in doubt.
  void FailQueued(const Status& status, Ended* ended);

  // Whether ticks are sent while there are no rows.
  void SetTicking(bool ticking, Clock::TimePoint now);

  // When BeginCall is due. TimePoint::max(): it is not, until something else changes.
  Clock::TimePoint NextCall() const;

  // Moves queued messages into a call and stamps them, at or above `time`. The call is in flight
  // until EndCall.
  std::shared_ptr<const Call> BeginCall(Timestamp time, Clock::TimePoint now);

  // How a call has ended.
  struct Answer {
    WriteResult result;
    bool answered = true;  // by the standby; else the connection has failed
    MsgId position = {};   // see Sent
  };
  // Ends the call in flight. Returns whether it is news: a failure after a success, or the reverse.
  bool EndCall(const Answer& answer, Clock::TimePoint now, Ended* ended);

  // The newest tick that the standby has taken; 0: none.
  Timestamp ticked() const { return ticked_; }

  // Why the pchannel gets no ticks at present. Ok if it needs none.
  Status Health(Clock::TimePoint now) const;

 private:
  const std::string pchannel_;
  const StandbyQueueOptions options_;
  std::deque<std::shared_ptr<Item>> queued_;
  std::shared_ptr<const Call> in_flight_;
  Clock::TimePoint sent_at_;  // of the call in flight
  uint64_t last_stamp_ = 0;
  Timestamp ticked_;
  bool ticking_ = false;
  Clock::TimePoint tick_due_;    // if there are no rows
  Clock::TimePoint not_before_;  // of the next call
  Clock::TimePoint one_by_one_until_;
  bool failing_ = false;
  Status health_;  // of the last call whose rows cannot be to blame
};

}  // namespace cdc
