#pragma once

#include <map>
#include <set>

#include "base/status.h"
#include "model/ids.h"
#include "model/rows.h"
#include "reconcile/collection_reconciler.h"

namespace cdc {

// Frees a name on the target that another collection of the task still occupies. A collection that
// is being removed is dropped at once; one that the source has renamed moves to its new name. If
// names are passed around in a ring, the collection that closes it waits under a temporary name.
//
// Belongs to the reconciler's thread.
class NameExchange {
 public:
  using Collections = std::map<CollectionId, CollectionReconciler>;

  // `collections` must outlive this. Dropped collections are erased from it.
  explicit NameExchange(Collections* collections) : collections_(collections) {}

  // Frees `name` for the collection `id`. kUnavailable: another collection still has rows in
  // flight; try again. kFailedPrecondition: another collection keeps the name.
  Status Free(CollectionId id, const CollectionName& name);

 private:
  // `moving`: the collections whose names are about to become free.
  using Moving = std::set<CollectionId>;
  Status Free(CollectionId id, const CollectionName& name, Moving* moving);
  Status MoveAway(CollectionReconciler& other, const CollectionName& name, Moving* moving);

  Collections* const collections_;
};

}  // namespace cdc
