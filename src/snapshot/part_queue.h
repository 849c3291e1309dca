#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "source/snapshot_source.h"

namespace cdc {

// The parts of a snapshot that are still to be read, for several readers. Thread-safe.
class PartQueue {
 public:
  struct Place {
    std::string vchannel;
    CollectionSnapshot::Part part;
  };

  // Without the parts in `done`.
  PartQueue(const CollectionSnapshot& snapshot, const std::set<int64_t>& done);

  size_t size() const;

  // The next part: one of the shard that the fewest readers are at, since each shard is written on
  // its own; of a shard, in the snapshot's order. nullopt: there are no more.
  std::optional<Place> Take();

  // A part that was taken has been read.
  void Return(const Place& place);

 private:
  struct Shard {
    std::string vchannel;
    std::vector<CollectionSnapshot::Part> parts;
    size_t next = 0;
    int readers = 0;
  };

  mutable Mutex mutex_;
  std::vector<Shard> shards_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
