#include "snapshot/part_queue.h"

#include <algorithm>

namespace cdc {

PartQueue::PartQueue(const CollectionSnapshot& snapshot, const std::set<int64_t>& done) {
  for (const auto& [vchannel, shard] : snapshot.shards()) {
    Shard& open = shards_.emplace_back();
    open.vchannel = vchannel;
    for (const CollectionSnapshot::Part& part : shard.parts) {
      if (!done.contains(part.id)) {
        open.parts.push_back(part);
      }
    }
  }
}

size_t PartQueue::size() const {
  MutexLock lock(mutex_);
  size_t size = 0;
  for (const Shard& shard : shards_) {
    size += shard.parts.size() - shard.next;
  }
  return size;
}

std::optional<PartQueue::Place> PartQueue::Take() {
  MutexLock lock(mutex_);
  Shard* best = nullptr;
  for (Shard& shard : shards_) {
    if (shard.next < shard.parts.size() && (best == nullptr || shard.readers < best->readers)) {
      best = &shard;
    }
  }
  if (best == nullptr) {
    return std::nullopt;
  }
  ++best->readers;
  return Place{.vchannel = best->vchannel, .part = best->parts[best->next++]};
}

void PartQueue::Return(const Place& place) {
  MutexLock lock(mutex_);
  --std::ranges::find(shards_, place.vchannel, &Shard::vchannel)->readers;
}

}  // namespace cdc
