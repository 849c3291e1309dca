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

// Holds back rows of which the catalog does not know the collection or partition yet: only the
// source can tell whether it is newer than the snapshot or gone. The source is asked by a thread of
// its own (Run), so that other rows go on while etcd does not answer.
//
// WaitForAnswer, failure and Run are thread-safe; the rest belongs to the feed's thread.
class CatalogBarrier {
 public:
  // `catalog` must outlive this.
  explicit CatalogBarrier(CatalogSource* catalog) : source_(catalog) {}

  // Asks the source whenever Ask was called, until `stop`.
  void Run(const std::stop_token& stop);

  // Takes the newest snapshot; false if it was taken before.
  bool Refresh();
  const std::shared_ptr<const Catalog>& catalog() const { return catalog_; }

  // Whether the catalog tells of everything that has rows in `group`.
  bool Knows(const TickGroup& group);

  // Wants to know what the source holds now.
  uint64_t Ask();
  // Whether the snapshot that Refresh took last holds the answer. What comes after that Refresh
  // does not count: nobody has seen it.
  bool Answered(uint64_t ticket) const { return refreshed_ >= ticket; }
  // Why there is no answer yet.
  Status failure() const;
  void WaitForAnswer(std::chrono::milliseconds timeout, const std::stop_token& stop);

  // After the answer: what is still unknown in `group` is gone from the source.
  void Settle(const TickGroup& group);

 private:
  bool KnowsCollection(const Message& message);
  bool KnowsPartition(const Message& message);

  CatalogSource* const source_;
  std::shared_ptr<const Catalog> catalog_;
  uint64_t refreshed_ = 0;  // the newest question whose answer is in `catalog_`
  std::unordered_set<CollectionId> gone_;
  std::unordered_set<PartitionId> gone_partitions_;
  std::unordered_set<PartitionId> seen_partitions_;  // of catalog_

  mutable Mutex mutex_;
  CondVar changed_;
  uint64_t asked_ CDC_GUARDED_BY(mutex_) = 0;
  uint64_t answered_ CDC_GUARDED_BY(mutex_) = 0;
  Status failure_ CDC_GUARDED_BY(mutex_);
};

}  // namespace cdc
