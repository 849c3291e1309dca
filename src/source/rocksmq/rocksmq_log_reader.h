#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "source/log.h"
#include "source/rocksmq/rocksmq_log.h"
#include "source/rocksmq/rocksmq_log_position.h"
#include "source/rocksmq/rocksmq_log_store.h"

namespace cdc {

// Follows channels in a RocksmqStore.
//
// How it distinguishes a gap from "nothing yet": RocksMQ deletes a topic's records from the front,
// up to the end of a page that all its consumers have read. So as long as the record at the
// reader's position exists, nothing after it is missing; this is checked whenever the reader moves
// on. If that record is gone, later ones may be gone too: the position has expired. There is one
// exception: the reader was at the tail and looks again soon afterwards. A record lives longer than
// that (`shortest_retention`; RocksMQ checks once a minute and spares the page being written), so
// only delivered records were deleted.
//
// If, on the other hand, the tail of the log is missing, as a starting primary may show it for a
// moment, the reader waits.
class RocksmqLogReader : public LogReader {
 public:
  // `store` must outlive it.
  RocksmqLogReader(RocksmqStore* store, const RocksmqOptions& options);

  Status Add(const std::string& channel, const std::optional<LogPosition>& start) override;
  void Remove(const std::string& channel) override;
  void SetPaused(const std::string& channel, bool paused) override;
  Status Poll(size_t max_bytes,
              std::chrono::milliseconds timeout,
              const std::stop_token& stop,
              std::vector<LogBatch>* out) override;

 private:
  struct Cursor {
    std::optional<int64_t> position;  // the next record comes after it; unset: the oldest one
    bool inclusive = false;           // the record at `position` itself is next
    bool found = false;               // the position has been found once
    bool delivered = false;           // `position` was read here, not given by the caller
    bool paused = false;
    bool at_tail = false;  // everything up to `seen_version` is delivered
    uint64_t seen_version = 0;
    Clock::TimePoint at_tail_since;  // when that last held
    Status error;
  };

  // Reads all channels once. Returns whether there is news: records, or an unreported error.
  Result<bool> ReadAll(size_t max_bytes, std::vector<LogBatch>* out);
  Status ReadChannel(const std::string& channel,
                     size_t max_bytes,
                     RocksmqIterator* iterator,
                     Cursor* cursor,
                     std::vector<LogRecord>* records);
  Status SeekToNext(const std::string& channel, RocksmqIterator* iterator, const Cursor& cursor);
  void Wait(std::chrono::milliseconds time, const std::stop_token& stop);

  RocksmqStore* const store_;
  const RocksmqOptions options_;
  std::map<std::string, Cursor> cursors_;
  std::chrono::milliseconds interval_;
  // Only for waiting with a deadline; nothing notifies it.
  Mutex mutex_;
  CondVar never_;
};

}  // namespace cdc
