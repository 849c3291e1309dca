#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "model/ids.h"
#include "sink/standby/standby_connection.h"

namespace cdc {

// A standby's own time (AllocTimestamp). It is asked for only when somebody needs it, one call at a
// time. An answer is fresh for 20 ms; after a failure the next call waits 200 ms.
//
// Use: take Fresh; if there is none, Ask at NextAsk and try again after `on_answer`.
//
// Thread-safe. `connection` must have ended its calls before this is destroyed.
class StandbyClock {
 public:
  struct Options {
    std::string name;  // of the standby, in logs
    std::chrono::milliseconds timeout{10'000};
    const Clock* clock = &Clock::Real();
    // Called after every answer with its outcome, from any thread; must return at once.
    std::function<void(const Status&)> on_answer;
  };

  StandbyClock(StandbyConnection* connection, Options options)
      : connection_(connection), options_(std::move(options)) {}

  // The newest time the standby has given, never less than before; nullopt: it is too old.
  std::optional<Timestamp> Fresh() const;

  // Asks and returns at once. Does nothing while a call is in flight, or before NextAsk.
  void Ask();

  // When Ask has an effect. TimePoint::max(): a call is in flight, `on_answer` comes first.
  Clock::TimePoint NextAsk() const;

  // The outcome of the last call. Ok before the first one.
  Status Health() const;

 private:
  void Take(const Result<Timestamp>& time, Clock::TimePoint asked);

  StandbyConnection* const connection_;
  const Options options_;

  mutable Mutex mutex_;
  std::optional<Timestamp> time_ CDC_GUARDED_BY(mutex_);
  Clock::TimePoint fresh_until_ CDC_GUARDED_BY(mutex_);
  bool asking_ CDC_GUARDED_BY(mutex_) = false;
  Clock::TimePoint not_before_ CDC_GUARDED_BY(mutex_);  // of the next call
  Status health_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
