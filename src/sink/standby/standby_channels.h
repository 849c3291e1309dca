#pragma once

#include <chrono>
#include <functional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "base/thread.h"
#include "sink/standby/standby_connection.h"

namespace cdc {

// Knows which pchannels of a standby need ticks: those of all its collections, whether or not a
// task writes to them. A thread lists the collections from time to time. Tasks add the channels of
// a new collection themselves, because its load waits for ticks and the next listing may be a
// minute away.
//
// Thread-safe. The destructor cancels a listing in progress.
class StandbyChannels {
 public:
  struct Options {
    std::string name;                                // of the standby, in logs
    std::chrono::milliseconds interval{60'000};      // between two listings
    std::chrono::milliseconds retry{1'000};          // after a listing that failed
    std::chrono::milliseconds call_timeout{10'000};  // of each call of a listing
    // Called after every change, from whichever thread made it; must return at once.
    std::function<void()> on_change;
  };

  // `connection` must outlive this.
  StandbyChannels(StandbyConnection* connection, Options options);
  StandbyChannels(const StandbyChannels&) = delete;
  StandbyChannels& operator=(const StandbyChannels&) = delete;

  // Adds channels. They stay until a listing that began after this call does not show them.
  void Add(const std::vector<std::string>& pchannels);

  std::set<std::string> Get() const;

 private:
  void Run(const std::stop_token& stop);
  Status List(const std::stop_token& stop);

  StandbyConnection* const connection_;
  const Options options_;

  mutable Mutex mutex_;
  std::set<std::string> ticked_ CDC_GUARDED_BY(mutex_);
  std::set<std::string> added_ CDC_GUARDED_BY(mutex_);  // since the last listing began

  // Joined first: nothing may be declared after it.
  Thread thread_;
};

}  // namespace cdc
