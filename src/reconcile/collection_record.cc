#include "reconcile/collection_record.h"

#include <utility>

#include "base/fault_point.h"

namespace cdc {

CollectionRecord::CollectionRecord(MetaStore* store,
                                   std::string task,
                                   ReplicatedCollection record,
                                   bool stored)
    : store_(store), task_(std::move(task)), record_(std::move(record)), stored_(stored) {}

// The store comes first. If a failed save changed the memory, a retry would go on without it, and
// could create a collection on the target that no restarted task knows of.
Status CollectionRecord::Save(ReplicatedCollection next) {
  CDC_RETURN_IF_ERROR(store_->PutCollection(task_, next));
  FaultPoint("after_put_collection");
  record_ = std::move(next);
  stored_ = true;
  return OkStatus();
}

Status CollectionRecord::Remove() {
  return stored_ ? store_->RemoveCollection(task_, record_.id) : OkStatus();
}

}  // namespace cdc
