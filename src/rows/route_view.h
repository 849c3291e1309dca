#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/catalog.h"
#include "model/ids.h"

namespace cdc {

// Shows what a task follows on the source, and how far it has read and applied it. Thread-safe.
class RouteView {
 public:
  virtual ~RouteView() = default;

  // The newest catalog that was processed, and how many so far changed something for the task.
  struct CatalogSeen {
    std::shared_ptr<const Catalog> catalog;  // nullptr: none yet
    uint64_t changes = 0;
  };
  virtual CatalogSeen catalog_seen() const = 0;

  // Whether the task replicates the collection's rows, whatever its name is now.
  virtual bool Follows(CollectionId collection) const = 0;

  // Of what is followed, the collections that the newest catalog does not have, as they were seen
  // last: their rows may still wait.
  struct Vanished {
    CollectionName name;  // on the source
    std::shared_ptr<const Collection> collection;
  };
  virtual std::vector<Vanished> vanished() const = 0;

  // Whether the channel has been read up to `end` (nullopt: the channel was empty). True for a
  // channel that is not followed, once a catalog has been processed: it will deliver nothing.
  virtual bool HasReadTo(const std::string& channel, const std::optional<MsgId>& end) const = 0;

  // Whether every row of the channel at or below `ts` is acknowledged.
  virtual bool HasAppliedTo(const std::string& channel, Timestamp ts) const = 0;

  // Stops following a collection that is gone from both sides.
  virtual void Forget(CollectionId collection) = 0;
};

}  // namespace cdc
