#pragma once

#include <chrono>
#include <stop_token>

#include "base/mutex.h"

namespace cdc {

// What the reconciler has been woken up for. Thread-safe; Wait, Take and AwaitProgress belong to
// its thread.
class WakeUps {
 public:
  struct Reasons {
    bool all = false;        // everything is to be looked at
    bool reinspect = false;  // the target was away: nothing known of it counts any more
    bool progress = false;   // rows were acknowledged
  };

  void All();
  void Reinspect();  // and all
  // Rows were acknowledged; ignored if nothing waits for that, see AwaitProgress.
  void Progress();
  // Something new waits for rows, which may be acknowledged already.
  void NewWaiter();

  // Returns when there is a reason, after `timeout`, or at `stop`.
  void Wait(const std::stop_token& stop, std::chrono::milliseconds timeout);
  // The reasons since the last time. Progress counts from here on: what is acknowledged while the
  // reconciler looks may be missed by it.
  Reasons Take();
  // Whether progress counts until the next Take.
  void AwaitProgress(bool progress);

 private:
  Mutex mutex_;
  CondVar changed_;
  Reasons reasons_ CDC_GUARDED_BY(mutex_) = {.all = true};  // the first round
  bool awaits_progress_ CDC_GUARDED_BY(mutex_) = true;
};

}  // namespace cdc
