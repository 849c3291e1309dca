#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/mutex.h"
#include "model/ids.h"

namespace cdc {

// Limits how far in time a task may send the rows of each channel: up to the channel's *send
// horizon*, once that is durable. So after a crash, only rows between the checkpoint and the
// horizon may have been sent before.
//
// The writer calls Reach to learn how far it may go. Next returns the horizon to save with the
// channel's checkpoint, and OnSaved makes it usable. A new horizon lies beyond what has been read:
// by the lead, or in a catch-up by twice the time read since the last horizon, so that about one
// save per second suffices at any speed. But it is never further in the future than the lead.
//
// The lead grows with the time that saves take, so that no row in time waits for a slow store. The
// price is paid after a crash: more rows count as perhaps sent.
//
// A channel's horizon never moves back. Thread-safe.
class SendHorizon {
 public:
  struct Options {
    std::chrono::milliseconds lead{5'000};  // if a save takes no time
    const Clock* clock = &Clock::Real();
  };

  // `on_wanted` is called on the thread of Reach when rows begin to wait for a horizon; it must
  // return at once.
  SendHorizon(Options options, std::function<void()> on_wanted);

  // Sets the horizon that an earlier process made durable. Call it before anything else.
  void Load(const std::string& channel, Timestamp durable);

  // The time up to which rows may be sent. `newest` is the time of the newest waiting row.
  Timestamp Reach(const std::string& channel, Timestamp newest);

  // Whether rows wait for a horizon.
  bool wanted() const;

  // The horizon to save now; everything at or below `resolved` has been read.
  Timestamp Next(const std::string& channel, Timestamp resolved);
  // Reports whether the horizons returned by Next were saved. Returns whether rows that waited may
  // go now.
  bool OnSaved(bool ok);
  // There was nothing to save. Rows that wait still do: their channel may be too new to be known.
  void OnNothingToSave();

  // The newest horizon known to be in the store; the store may hold a later one.
  Timestamp Durable(const std::string& channel) const;

 private:
  struct Channel {
    Timestamp durable;
    Timestamp next;       // returned by Next; may be durable or not
    bool saving = false;  // `next` is part of the save in progress
    Timestamp newest;     // of all rows that Reach has seen
    Timestamp raised_at;  // `newest` when `next` was last raised
  };

  Timestamp RaisedLocked(const Channel& channel, Timestamp resolved) const CDC_REQUIRES(mutex_);
  bool IsSlowLocked() const CDC_REQUIRES(mutex_);
  int64_t LeadMsLocked() const CDC_REQUIRES(mutex_);

  const Options options_;
  const std::function<void()> on_wanted_;
  mutable Mutex mutex_;
  std::map<std::string, Channel> channels_ CDC_GUARDED_BY(mutex_);
  bool wanted_ CDC_GUARDED_BY(mutex_) = false;
  std::optional<Clock::TimePoint> save_began_ CDC_GUARDED_BY(mutex_);
  std::chrono::milliseconds save_time_ CDC_GUARDED_BY(mutex_){0};  // of late
};

}  // namespace cdc
