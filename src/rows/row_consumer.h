#pragma once

#include <memory>
#include <string>
#include <vector>

#include "model/ids.h"
#include "progress/ack_tracker.h"
#include "rows/lane.h"

namespace cdc {

// Accepts the rows that a task has to apply. Thread-safe.
class RowConsumer {
 public:
  virtual ~RowConsumer() = default;

  // Accepts rows of one lane (a vchannel); they follow all earlier ones of the lane in source
  // order. Acknowledges each ticket in `rows` to `tracker` exactly once: when the target has
  // acknowledged the rows, or when they are no longer wanted. Never waits.
  virtual void Push(CollectionId collection,
                    const std::string& lane,
                    const std::shared_ptr<AckTracker>& tracker,
                    std::vector<PendingRows> rows) = 0;
};

}  // namespace cdc
