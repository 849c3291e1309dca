#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/thread.h"
#include "base/wakeup.h"
#include "source/log.h"
#include "source/pulsar/pulsar_client.h"

namespace cdc {

// Follows one topic on a thread of its own, into a queue that is bounded in bytes: when records are
// not taken, it stops reading. After an error it begins again a moment later, right after the last
// record it has queued.
//
// The numbers of the entries show whether the broker or the library has left something out: within
// a ledger they have no gaps; when the ledger changes, the one before must still be there, or the
// records must be of about the same time.
class PulsarChannel {
 public:
  // `wakeup` and `clock` must outlive it.
  PulsarChannel(std::shared_ptr<PulsarClient> client,
                std::string channel,
                const std::optional<PulsarId>& start,
                bool inclusive,
                size_t prefetch_bytes,
                const Clock* clock,
                Wakeup* wakeup);
  PulsarChannel(const PulsarChannel&) = delete;
  PulsarChannel& operator=(const PulsarChannel&) = delete;

  // Appends queued records, about `max_bytes` at most; returns why there are no more, if there is
  // an error.
  Status Take(size_t max_bytes, std::vector<LogRecord>* records);

  // Ends the thread; it has ended once `ended`. The destructor waits for it.
  void RequestStop() { thread_.RequestStop(); }
  bool ended() const { return ended_; }

 private:
  void Run(const std::stop_token& stop);
  // Reads until something is wrong.
  Status Follow(const std::stop_token& stop);
  Status Accept(PulsarRecord record, const std::stop_token& stop);
  Status CheckNextLedger(const PulsarRecord& record, const std::stop_token& stop);
  // kAborted, once for each place: the next attempt shows whether records are missing for good.
  Status LookAgain();
  Status Missing(const PulsarId& next) const;
  void Queue(PulsarRecord record, const std::stop_token& stop);
  void SetError(Status error);
  // What was wrong with a record stays so until another one comes.
  void EndOutage();

  const std::shared_ptr<PulsarClient> client_;
  const std::string channel_;
  const size_t prefetch_bytes_;
  const Clock* const clock_;
  Wakeup* const wakeup_;

  // Used by the thread only.
  std::optional<PulsarId> last_;   // the newest record queued, or what is just before the first
  std::optional<PulsarId> place_;  // the same for people: at first where to begin
  std::optional<int64_t> last_published_ms_;
  std::optional<PulsarId> gap_after_;  // where records were missing at the first attempt

  Mutex mutex_;
  CondVar room_;
  std::deque<LogRecord> queue_ CDC_GUARDED_BY(mutex_);
  size_t queued_bytes_ CDC_GUARDED_BY(mutex_) = 0;
  Status error_ CDC_GUARDED_BY(mutex_);

  std::atomic<bool> ended_ = false;
  Thread thread_;  // nothing may be declared after it: it uses what is above
};

// Reads the oldest record that `channel` holds, waiting for it for some seconds.
Result<PulsarId> OldestOf(PulsarClient* client,
                          const std::string& channel,
                          const Clock& clock,
                          const std::stop_token& stop);

Status PulsarExpired(const std::string& channel, const PulsarId& position, const PulsarId& oldest);

}  // namespace cdc
