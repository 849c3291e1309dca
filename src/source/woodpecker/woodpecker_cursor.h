#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "source/log.h"
#include "source/woodpecker/woodpecker_id.h"
#include "source/woodpecker/woodpecker_log.h"
#include "source/woodpecker/woodpecker_meta.h"
#include "source/woodpecker/woodpecker_segment.h"

namespace cdc {

// Reads one log forwards, from segment to segment. Use it from one thread.
//
// A segment is left when it says itself that it has ended, or when the metadata says that it is
// closed and its last entry has been delivered. Segments are numbered without gaps, so whatever is
// missing was deleted: the position has expired.
class WoodpeckerCursor {
 public:
  // Begins with the record at `start`; nullopt: with the first one that was not truncated.
  // `meta`, `storage` and the clock of `options` must outlive it.
  WoodpeckerCursor(WoodpeckerMeta* meta,
                   Storage* storage,
                   const WoodpeckerOptions& options,
                   std::string log,
                   const std::optional<WoodpeckerId>& start);

  // The next records; empty: there are none now. After an error it continues at the same place.
  //
  // kOutOfRange: the position has expired. kDataLoss: entries are damaged or missing.
  // kFailedPrecondition: the files do not belong to the metadata, or their format is unknown.
  Result<std::vector<LogRecord>> Next(const std::stop_token& stop);

 private:
  // Finds the log and where to begin, now and then; false: it does not exist yet.
  Result<bool> Begin(const std::stop_token& stop);
  Result<bool> Find(const std::stop_token& stop);
  Status BeginAtFirst(const WoodpeckerLogMeta& log, const std::stop_token& stop);
  // Whether it is time to ask the metadata again; if so, remembers that it was asked.
  bool IsTimeToAsk();
  void Enter(const WoodpeckerSegmentMeta& segment);
  // Nothing was read. Returns whether another look at once makes sense.
  Result<bool> AtEnd(const Status& looked, const WoodpeckerRead& read, const std::stop_token& stop);
  // Nothing can be read. Returns the error unless the metadata says that it does not matter; else
  // whether another look at once makes sense.
  Result<bool> AfterError(const Status& error, const std::stop_token& stop);
  Result<bool> Leave(const std::stop_token& stop);
  Status Lost(const WoodpeckerSegmentMeta& segment, const Status& looked) const;
  // What became of a segment that the metadata does not know.
  Result<bool> Absent(const std::stop_token& stop);
  Status Expired(const std::string& why) const;

  WoodpeckerMeta* const meta_;
  Storage* const storage_;
  const WoodpeckerOptions options_;
  const std::string log_;

  bool begun_ = false;
  bool anywhere_ = false;  // no start was given
  int64_t folder_ = 0;
  WoodpeckerId place_;  // of the next record
  std::unique_ptr<WoodpeckerSegment> segment_;
  bool closed_ = false;                       // known of the segment before the look
  std::optional<Clock::TimePoint> asked_at_;  // when the metadata was asked
  bool ended_ = false;                        // the segment says that it has ended
};

Status WoodpeckerExpired(const std::string& log, const WoodpeckerId& place, const std::string& why);

}  // namespace cdc
