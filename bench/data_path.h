#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "feed/tick_order.h"
#include "model/message.h"
#include "progress/ack_tracker.h"
#include "rows/lane.h"
#include "scope/scope.h"

namespace cdc {

// The stages through which rows of one channel go, from the record's bytes to the bytes of the
// request, by the code of the rooms decode, order, transform, pipeline and sink, and by one thread:
// without queue, network, waiting and acknowledgement by a server.
class DataPath {
 public:
  DataPath();

  // Takes the next record. A tick makes requests of all rows before it.
  Status Push(MsgId id, const Payload& record);

  size_t requests() const { return requests_; }
  size_t request_bytes() const { return request_bytes_; }
  size_t rows() const { return rows_; }

 private:
  Status Release(TickGroup group);
  Status Write();
  RowBatch MakeBatch(const Lane::Batch& batch) const;

  const TaskSpec task_;
  const Scope scope_;
  const CollectionName source_{"default", "rows"};
  TickOrder order_;
  std::shared_ptr<AckTracker> tracker_;
  Lane lane_;
  size_t requests_ = 0;
  size_t request_bytes_ = 0;
  size_t rows_ = 0;
};

}  // namespace cdc
