#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "base/clock.h"
#include "base/status.h"
#include "source/log.h"
#include "source/storage/storage.h"
#include "source/woodpecker/woodpecker_meta.h"

namespace cdc {

struct WoodpeckerOptions {
  // How often a channel is looked at: poll_min while records arrive, up to poll_max when idle.
  std::chrono::milliseconds poll_min{5};
  std::chrono::milliseconds poll_max{50};
  // How often the metadata is asked whether an idle segment was closed.
  std::chrono::milliseconds meta_interval{250};
  size_t prefetch_bytes = 1U << 20;  // the approximate read-ahead per channel
  bool objects = false;              // the storage holds objects, not files that grow

  const Clock* clock = &Clock::Real();
};

// The queue that is embedded in a Milvus 2.6: `storage` holds its files, as
// <log>/<segment>/data.log in a folder or as objects (see woodpecker_segment.h), and `meta` says
// what they belong to. A channel is a log. MsgId holds what Milvus writes: a serialized
// LogMessageIdData of segment and entry.
//
// Nothing is written. A log is read as far as its files reach, also what was truncated and not
// deleted yet.
std::unique_ptr<Log> NewWoodpeckerLog(std::unique_ptr<WoodpeckerMeta> meta,
                                      std::unique_ptr<Storage> storage,
                                      const WoodpeckerOptions& options);

}  // namespace cdc
