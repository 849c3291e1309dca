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

// The partitions of one collection on the target. A partition that the source has removed is
// dropped after the rows that were in the queue before its removal; at once, and without its
// remaining rows, if its name is needed for a new one.
//
// A task with ignore_partition, and a collection with a partition key, have none to look after.
class PartitionReconciler {
 public:
  // Both must outlive this.
  PartitionReconciler(const CollectionContext* context, CollectionRecord* record)
      : context_(context), record_(record) {}

  // Records what the source has new, and drops what it has removed and whose rows are through.
  // `on_removed` is called after each one that is gone, before anything else is done: it brings
  // `actual` up to date.
  Status RemoveGone(const Collection& source,
                    const std::optional<TargetCollection>& actual,
                    const std::function<Status()>& on_removed);
  // Makes what the source has and `actual` does not, and adds it there.
  Status CreateMissing(const Collection& source, TargetCollection* actual);

  // Lets the rows through of all partitions that are on the target.
  void AddToGate(const Collection& source, const TargetCollection& actual, RowGate* gate) const;

  // Leaves out the rows that wait for partitions that `source` no longer has and that were never
  // made on the target.
  void DiscardGone(const Collection& source, const std::set<PartitionId>& waiting) const;

  // Whether one waits to be dropped.
  bool removing() const { return !removals_.empty(); }

 private:
  bool ManagesNone(const Collection& source) const {
    return source.schema.HasPartitionKey() || context_->ignore_partition;
  }
  // Records new ones; returns the names of all that the source has.
  Result<std::set<std::string>> RecordNew(const Collection& source);
  // Returns whether it is gone from the target.
  Result<bool> Remove(PartitionId partition,
                      const TargetCollection& actual,
                      const std::set<std::string>& wanted);

  const CollectionContext* const context_;
  CollectionRecord* const record_;
  std::map<PartitionId, Removal> removals_;
};

}  // namespace cdc
