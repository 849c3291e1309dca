#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "base/thread.h"
#include "base/wakeup.h"
#include "source/log.h"
#include "source/storage/storage.h"
#include "source/woodpecker/woodpecker_id.h"
#include "source/woodpecker/woodpecker_log.h"
#include "source/woodpecker/woodpecker_meta.h"

namespace cdc {

// Follows one log on a thread of its own, since a storage may take long to answer, into a queue
// that is bounded in bytes: when records are not taken, it stops reading. After an error it tries
// again a moment later, at the same place.
class WoodpeckerChannel {
 public:
  // `meta`, `storage`, `wakeup` and the clock of `options` must outlive it.
  WoodpeckerChannel(WoodpeckerMeta* meta,
                    Storage* storage,
                    const WoodpeckerOptions& options,
                    std::string log,
                    const std::optional<WoodpeckerId>& start,
                    Wakeup* wakeup);
  WoodpeckerChannel(const WoodpeckerChannel&) = delete;
  WoodpeckerChannel& operator=(const WoodpeckerChannel&) = delete;

  // Appends queued records, about `max_bytes` at most; returns why there are no more, if there is
  // an error.
  Status Take(size_t max_bytes, std::vector<LogRecord>* records);

  // Ends the thread; it has ended once `ended`. The destructor waits for it.
  void RequestStop() { thread_.RequestStop(); }
  bool ended() const { return ended_; }

 private:
  void Run(const std::stop_token& stop);
  void Queue(std::vector<LogRecord> records, const std::stop_token& stop);
  void SetError(Status error);

  WoodpeckerMeta* const meta_;
  Storage* const storage_;
  const WoodpeckerOptions options_;
  const std::string log_;
  const std::optional<WoodpeckerId> start_;
  Wakeup* const wakeup_;

  Mutex mutex_;
  CondVar room_;
  std::deque<LogRecord> queue_ CDC_GUARDED_BY(mutex_);
  size_t queued_bytes_ CDC_GUARDED_BY(mutex_) = 0;
  Status error_ CDC_GUARDED_BY(mutex_);

  std::atomic<bool> ended_ = false;
  Thread thread_;  // nothing may be declared after it: it uses what is above
};

}  // namespace cdc
