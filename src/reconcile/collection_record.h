#pragma once

#include <string>

#include "base/status.h"
#include "metastore/meta_store.h"
#include "model/task_progress.h"

namespace cdc {

// The task's record of one collection, kept in the store and in memory. To change it, modify a copy
// and save that: the change takes effect in memory only once the store has it.
class CollectionRecord {
 public:
  // `stored`: whether the store already has it. `store` must outlive this.
  CollectionRecord(MetaStore* store, std::string task, ReplicatedCollection record, bool stored);

  const ReplicatedCollection& operator*() const { return record_; }
  const ReplicatedCollection* operator->() const { return &record_; }

  // Durable once this succeeds; has no effect if it fails.
  Status Save(ReplicatedCollection next);
  // Takes effect in memory at once and reaches the store with the next Save. Only for what a
  // restart would find out again.
  void SetUnsaved(ReplicatedCollection next) { record_ = std::move(next); }
  // Removes it from the store, if present.
  Status Remove();

 private:
  MetaStore* const store_;
  const std::string task_;
  ReplicatedCollection record_;
  bool stored_;
};

}  // namespace cdc
