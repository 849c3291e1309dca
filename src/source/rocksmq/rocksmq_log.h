#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "source/log.h"

namespace cdc {

struct RocksmqOptions {
  std::string path;  // rocksmq.path of the source Milvus
  std::string
      secondary_dir;  // for RocksDB's own log; empty: a temporary folder, removed at the end
  // How often the store is polled: poll_min while records arrive, up to poll_max when idle.
  std::chrono::milliseconds poll_min{5};
  std::chrono::milliseconds poll_max{50};
  // A record is certain to live at least this long after it was written; see RocksmqLogReader.
  std::chrono::milliseconds shortest_retention{5'000};
  const Clock* clock = &Clock::Real();
};

// The queue of a Milvus standalone: a RocksDB that Milvus holds open, followed here as a RocksDB
// secondary on the same machine. Nothing is written to its folder.
//
// A record's key is "<channel>/<id>"; ids grow within a channel and come from one sequence for all
// channels. MsgId holds the id as 8 bytes, little-endian. Milvus deletes expired records from the
// front of a channel, whole pages at a time.
//
// Milvus may stop, crash and restart: readers wait and continue.
//
// kNotFound: there is no store at `path`. kPermissionDenied: no permission to read it.
// kUnavailable: it cannot be read now.
Result<std::unique_ptr<Log>> OpenRocksmqLog(const RocksmqOptions& options);

}  // namespace cdc
