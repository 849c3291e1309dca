#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/status.h"
#include "model/catalog.h"
#include "model/target_collection.h"
#include "reconcile/collection_context.h"
#include "reconcile/collection_record.h"
#include "reconcile/removal.h"
#include "rows/row_gates.h"

namespace cdc {

// Reconciles the partitions of one collection. A partition that the source has dropped is dropped
// on the target after the rows that were already queued, or at once and without them if a new
// partition needs its name.
//
// Manages nothing for a task with ignore_partition or a collection with a partition key.
class PartitionReconciler {
 public:
  // Both must outlive this.
  PartitionReconciler(const CollectionContext* context, CollectionRecord* record)
      : context_(context), record_(record) {}

  // Records the source's new partitions, and drops those that it has dropped and whose rows are
  // written. Calls `on_removed` directly after each drop, to bring `actual` up to date.
  Status RemoveGone(const Collection& source,
                    const std::optional<TargetCollection>& actual,
                    const std::function<Status()>& on_removed);
  // Drops the partitions that only the target has, with their rows: the source's stored rows are
  // being copied into it, and nothing else shall remain. Removes them from `actual`.
  Status RemoveForeign(const Collection& source, TargetCollection* actual);
  // Creates the partitions that `actual` lacks, and adds them to it. Returns whether there were
  // any.
  Result<bool> CreateMissing(const Collection& source, TargetCollection* actual);

  // Adds all partitions that exist on the target to `gate`, so that their rows can pass.
  void AddToGate(const Collection& source, const TargetCollection& actual, RowGate* gate) const;

  // Discards `waiting` rows of partitions that `source` no longer has and that were never created
  // on the target.
  void DiscardGone(const Collection& source, const std::set<PartitionId>& waiting) const;

  // Whether a partition waits to be dropped.
  bool removing() const { return !removals_.empty(); }

 private:
  bool ManagesNone(const Collection& source) const {
    return source.schema.HasPartitionKey() || context_->ignore_partition;
  }
  // Records new partitions; returns the names of all that the source has.
  Result<std::set<std::string>> RecordNew(const Collection& source);
  // Returns whether the partition is gone from the target.
  Result<bool> Remove(PartitionId partition,
                      const TargetCollection& actual,
                      const std::set<std::string>& wanted);

  const CollectionContext* const context_;
  CollectionRecord* const record_;
  std::map<PartitionId, Removal> removals_;
  std::set<PartitionId> left_;  // dropped too late for a task with an end: they stay on the target
};

}  // namespace cdc
