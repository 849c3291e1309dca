#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "model/ids.h"

namespace cdc {

// How far in time a task may send the rows of each channel: up to its *send horizon*, once that is
// durable. After a crash only what lies between checkpoint and horizon may have been sent before.
//
// Reach tells the writer how far it may go, and what waits there. Next gives the horizon that is to
// be saved with the channel's checkpoint; OnSaved makes it usable. A new one lies beyond what has
// been read by the lead, or in a catch-up by twice what came since the last one, so that about
// one write a second suffices at any speed; but not farther into the future than the lead.
//
// A channel's horizon never moves back. Thread-safe.
class SendHorizon {
 public:
  struct Options {
    std::chrono::milliseconds lead{5'000};
    const Clock* clock = &Clock::Real();
  };

  // `on_wanted` is called when rows begin to wait for a horizon, from the thread of Reach; it must
  // return at once.
  SendHorizon(Options options, std::function<void()> on_wanted);

  // What a process before made durable. Before all else.
  void Load(const std::string& channel, Timestamp durable);

  // The time up to which rows may be sent. `newest` is the time of the newest one that waits.
  Timestamp Reach(const std::string& channel, Timestamp newest);

  // Whether rows wait for a horizon.
  bool wanted() const;

  // The horizon to save now; everything at or below `resolved` has been read.
  Timestamp Next(const std::string& channel, Timestamp resolved);
  // What became of those that Next gave. Returns whether rows that waited may go.
  bool OnSaved(bool ok);

  // What the store holds at the least.
  Timestamp Durable(const std::string& channel) const;

 private:
  struct Channel {
    Timestamp durable;
    Timestamp next;       // given, and not known to be durable
    bool saving = false;  // `next` is part of the save under way
    Timestamp newest;     // of the rows that came
    Timestamp raised_at;  // the newest row when Next gave a new one
  };

  Timestamp RaisedLocked(const Channel& channel, Timestamp resolved) const CDC_REQUIRES(mutex_);

  const Options options_;
  const std::function<void()> on_wanted_;
  mutable Mutex mutex_;
  std::map<std::string, Channel> channels_ CDC_GUARDED_BY(mutex_);
  bool wanted_ CDC_GUARDED_BY(mutex_) = false;
};

}  // namespace cdc
