#pragma once

#include <cstdint>
#include <vector>

#include "model/ids.h"
#include "model/task_progress.h"

namespace cdc {

// How far a task has come in one channel.
struct ChannelProgress {
  // Has a horizon only until the checkpoint has passed a doubt from before the start. Has no time
  // and no position before the first tick.
  ChannelCheckpoint saved;
  Timestamp resolved;  // everything at or below it has been read
};

// Provides the checkpoints of a running task. Thread-safe.
class CheckpointSource {
 public:
  virtual ~CheckpointSource() = default;

  virtual std::vector<ChannelProgress> Checkpoints() const = 0;

  // The number of records acknowledged so far. It increases with every change of a checkpoint that
  // is not merely due to ticks.
  virtual uint64_t acknowledged() const = 0;
};

}  // namespace cdc
