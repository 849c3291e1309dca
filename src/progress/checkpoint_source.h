#pragma once

#include <cstdint>
#include <vector>

#include "model/ids.h"
#include "model/task_progress.h"

namespace cdc {

// How far a task has come in one channel.
struct ChannelProgress {
  // With a horizon only while a doubt from before the start has not been passed; without a time and
  // a position before the first tick.
  ChannelCheckpoint saved;
  Timestamp resolved;  // everything up to here has been read
};

// Knows the checkpoints of a running task. Thread-safe.
class CheckpointSource {
 public:
  virtual ~CheckpointSource() = default;

  virtual std::vector<ChannelProgress> Checkpoints() const = 0;

  // The number of records acknowledged so far. It rises whenever a checkpoint has changed by more
  // than a tick.
  virtual uint64_t acknowledged() const = 0;
};

}  // namespace cdc
