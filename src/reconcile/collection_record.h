#pragma once

#include <string>

#include "base/status.h"
#include "metastore/meta_store.h"
#include "model/task_progress.h"

namespace cdc {

// What the task remembers of one collection, in the store and here. A change is made by a copy that
// is saved: until the store has it, it does not count here either.
class CollectionRecord {
 public:
  // `stored`: it comes from the store. `store` must outlive this.
  CollectionRecord(MetaStore* store, std::string task, ReplicatedCollection record, bool stored);

  const ReplicatedCollection& operator*() const { return record_; }
  const ReplicatedCollection* operator->() const { return &record_; }

  // Durable when this succeeds; without effect here if it fails.
  Status Save(ReplicatedCollection next);
  // Counts here at once, and reaches the store with the next Save: for what would be found out
  // again after a crash.
  void SetUnsaved(ReplicatedCollection next) { record_ = std::move(next); }
  // Removes it from the store, if it is there.
  Status Remove();

 private:
  MetaStore* const store_;
  const std::string task_;
  ReplicatedCollection record_;
  bool stored_;
};

}  // namespace cdc
