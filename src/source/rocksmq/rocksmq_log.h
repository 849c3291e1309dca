#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "base/status.h"
#include "source/log.h"

namespace cdc {

struct RocksmqOptions {
  std::string path;  // rocksmq.path of the source Milvus
  std::string
      secondary_dir;  // for RocksDB's own log; empty: a temporary folder, removed at the end
  // How often the store is looked at: the shorter while records arrive, up to the longer when idle.
  std::chrono::milliseconds poll_min{5};
  std::chrono::milliseconds poll_max{50};
  // For so long a record that was just written is certainly kept; see RocksmqLogReader.
  std::chrono::milliseconds shortest_retention{5'000};
};

// The queue of a Milvus standalone: a RocksDB that Milvus holds open and that is followed here as a
// RocksDB secondary, on the same machine. Nothing is written into the folder.
//
// A record has the key "<channel>/<id>"; ids grow within a channel and are shared by all channels.
// MsgId holds the id as 8 bytes, little-endian. Milvus deletes expired records from the front of a
// channel, whole pages at once.
//
// Milvus may stop, crash and start again: readers wait and go on.
//
// kNotFound: there is no store at `path`. kPermissionDenied: it may not be read. kUnavailable: it
// cannot be read now.
Result<std::unique_ptr<Log>> OpenRocksmqLog(const RocksmqOptions& options);

}  // namespace cdc
