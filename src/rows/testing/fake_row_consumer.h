#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "rows/row_consumer.h"

namespace cdc {

// Keeps the pushed rows until a test acknowledges them.
class FakeRowConsumer final : public RowConsumer {
 public:
  struct Pushed {
    CollectionId collection;
    std::string vchannel;
    std::shared_ptr<AckTracker> tracker;
    PendingRows rows;
  };

  void Push(CollectionId collection,
            const std::string& vchannel,
            const std::shared_ptr<AckTracker>& tracker,
            std::vector<PendingRows> rows) override {
    for (PendingRows& each : rows) {
      pushed_.push_back({collection, vchannel, tracker, std::move(each)});
    }
  }

  const std::vector<Pushed>& pushed() const { return pushed_; }
  void Acknowledge(size_t index) {
    const Pushed& each = pushed_.at(index);
    for (const AckTracker::Ticket ticket : each.rows.tickets) {
      each.tracker->Ack(ticket);
    }
  }

 private:
  std::vector<Pushed> pushed_;  // used only on the test's thread
};

}  // namespace cdc
