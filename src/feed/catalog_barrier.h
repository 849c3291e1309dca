#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <unordered_set>

#include "base/mutex.h"
#include "base/status.h"
#include "feed/tick_order.h"
#include "model/catalog.h"
#include "source/catalog_source.h"

namespace cdc {

// Holds back rows whose collection or partition is missing in the catalog. It may be newer than the
// snapshot or gone, which only a fresh catalog can show. Run requests that on a thread of its own,
// so that other rows go on while etcd does not answer.
//
// WaitForAnswer, failure and Run are thread-safe; the rest belongs to the feed's thread.
class CatalogBarrier {
 public:
  // `catalog` must outlive this.
  explicit CatalogBarrier(CatalogSource* catalog) : source_(catalog) {}

  // Carries out the requests of RequestSync until `stop`.
  void Run(const std::stop_token& stop);

  // Takes the newest snapshot. Returns false if it is the one that was taken last.
  bool Refresh();
  const std::shared_ptr<const Catalog>& catalog() const { return catalog_; }

  // Whether each collection and partition with rows in `group` is in the catalog or known as gone.
  bool Knows(const TickGroup& group);

  // Requests a fresh catalog. Returns a ticket for HasAnswer.
  uint64_t RequestSync();
  // Whether the snapshot that Refresh took last is fresh enough for `ticket`. An answer that
  // arrived after that Refresh does not count, because nobody has seen its catalog yet.
  bool HasAnswer(uint64_t ticket) const { return refreshed_ >= ticket; }
  // Why the last attempt failed.
  Status failure() const;
  void WaitForAnswer(std::chrono::milliseconds timeout, const std::stop_token& stop);

  // Call it after the answer: what is still missing in the catalog is gone from the source.
  void MarkUnknownAsGone(const TickGroup& group);

 private:
  bool KnowsCollection(const Message& message);
  bool KnowsPartition(const Message& message);

  CatalogSource* const source_;
  std::shared_ptr<const Catalog> catalog_;
  uint64_t refreshed_ = 0;  // the newest request whose answer is in `catalog_`
  std::unordered_set<CollectionId> gone_;
  std::unordered_set<PartitionId> gone_partitions_;
  std::unordered_set<PartitionId> seen_partitions_;  // of catalog_, to search each list once

  mutable Mutex mutex_;
  CondVar changed_;
  uint64_t asked_ CDC_GUARDED_BY(mutex_) = 0;
  uint64_t answered_ CDC_GUARDED_BY(mutex_) = 0;
  Status failure_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
