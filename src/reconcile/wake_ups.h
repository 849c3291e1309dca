#pragma once

#include <chrono>
#include <stop_token>

#include "base/mutex.h"

namespace cdc {

// Collects the reasons to wake the reconciler. Thread-safe; Wait, Take and AwaitProgress belong to
// the reconciler's thread.
class WakeUps {
 public:
  struct Reasons {
    bool all = false;        // run a full round
    bool reinspect = false;  // the target was unreachable: forget what is known about it
    bool progress = false;   // rows were acknowledged
  };

  void All();
  void Reinspect();  // implies All
  // Rows were acknowledged. Ignored if nothing waits for that, see AwaitProgress.
  void Progress();
  // Something new waits for rows that may already be acknowledged.
  void NewWaiter();

  // Returns when there is a reason, after `timeout`, or at `stop`.
  void Wait(const std::stop_token& stop, std::chrono::milliseconds timeout);
  // Returns and clears the reasons. From here on progress counts again, because the round that
  // follows may miss rows acknowledged while it runs.
  Reasons Take();
  // Sets whether progress counts until the next Take.
  void AwaitProgress(bool progress);

 private:
  Mutex mutex_;
  CondVar changed_;
  Reasons reasons_ CDC_GUARDED_BY(mutex_) = {.all = true};  // the first round
  bool awaits_progress_ CDC_GUARDED_BY(mutex_) = true;
};

}  // namespace cdc
