#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "model/catalog.h"
#include "model/ids.h"

namespace cdc {

// What a task follows of the source, and how far it has read and applied it. Thread-safe.
class RouteView {
 public:
  virtual ~RouteView() = default;

  // The newest catalog taken over, and how many so far changed something for the task.
  struct CatalogSeen {
    std::shared_ptr<const Catalog> catalog;  // nullptr: none yet
    uint64_t changes = 0;
  };
  virtual CatalogSeen catalog_seen() const = 0;

  // Whether rows of the collection are the task's, whatever it is called.
  virtual bool Follows(CollectionId collection) const = 0;

  // Whether the channel has been read up to `end` (nullopt: it was empty). True for a channel that
  // is not followed, once a catalog has been taken over: nothing of it will come.
  virtual bool HasReadTo(const std::string& channel, const std::optional<MsgId>& end) const = 0;

  // Whether every row of the channel at or below `ts` is acknowledged.
  virtual bool HasAppliedTo(const std::string& channel, Timestamp ts) const = 0;

  // The collection is gone from both sides: its rows are nobody's.
  virtual void Forget(CollectionId collection) = 0;
};

}  // namespace cdc
