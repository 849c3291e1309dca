#pragma once

#include <map>
#include <set>

#include "base/status.h"
#include "model/ids.h"
#include "model/rows.h"
#include "reconcile/collection_reconciler.h"

namespace cdc {

// Makes a name of the target free of the task's other collections: one that is being removed goes
// at once, one that has another name by now takes that. In a ring of names the collection that
// closes it waits under a temporary name.
//
// Belongs to the reconciler's thread.
class NameExchange {
 public:
  using Collections = std::map<CollectionId, CollectionReconciler>;

  // `collections` must outlive this. Those that are removed leave it.
  explicit NameExchange(Collections* collections) : collections_(collections) {}

  // For the collection `id`. kUnavailable: another collection's rows are in the way, try again.
  // kFailedPrecondition: another collection keeps the name.
  Status Free(CollectionId id, const CollectionName& name);

 private:
  // `moving`: those whose names are about to be free.
  using Moving = std::set<CollectionId>;
  Status Free(CollectionId id, const CollectionName& name, Moving* moving);
  Status MoveAway(CollectionReconciler& other, const CollectionName& name, Moving* moving);

  Collections* const collections_;
};

}  // namespace cdc
