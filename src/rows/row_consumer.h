#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/ids.h"
#include "progress/ack_tracker.h"
#include "rows/lane.h"

namespace cdc {

// Takes the rows that a task has to apply. Thread-safe.
class RowConsumer {
 public:
  virtual ~RowConsumer() = default;

  // Takes rows of one shard, in source order behind those it took before. Each ticket in `rows` is
  // acknowledged to `tracker` once: when the target has acknowledged the rows, or when they are no
  // longer wanted. Never waits.
  virtual void Push(CollectionId collection,
                    const std::string& vchannel,
                    const std::shared_ptr<AckTracker>& tracker,
                    std::vector<PendingRows> rows) = 0;
};

}  // namespace cdc
