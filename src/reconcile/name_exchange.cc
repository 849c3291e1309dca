#include "reconcile/name_exchange.h"

#include <algorithm>
#include <string>

namespace cdc {
namespace {

// The name under which a collection waits in a ring. It contains the id, so no two share one.
CollectionName TemporaryName(const CollectionName& name, CollectionId id) {
  return {name.database, "_cdc_" + std::to_string(id.value)};
}

}  // namespace

Status NameExchange::Free(CollectionId id, const CollectionName& name) {
  Moving moving{id};
  return Free(id, name, &moving);
}

Status NameExchange::Free(CollectionId id, const CollectionName& name, Moving* moving) {
  for (auto& [other_id, other] : *collections_) {
    // A collection whose rename has an unknown outcome may have either of its two names.
    const ReplicatedCollection& record = other.record();
    if (other_id == id || (record.target != name && record.renamed_from != name)) {
      continue;
    }
    if (!other.Exists()) {
      // The source dates neither a rename nor a drop: both may come after the end of the task.
      if (collections_->at(id).record().on_target) {
        CDC_ASSIGN_OR_RETURN(const bool stays, other.StaysOnTarget());
        if (stays) {
          return {StatusCode::kUnimplemented,
                  "the name " + name.ToString() +
                      " belongs to a collection that is left on the target: the source has dropped "
                      "it, and perhaps not before stop_at"};
        }
      }
      // Without its last rows: nobody could ever see them.
      CDC_ASSIGN_OR_RETURN(const bool removed, other.RemoveAtOnce());
      if (!removed) {
        return UnavailableError("waiting for an older collection of this name to be dropped");
      }
      other.CleanUp();
      collections_->erase(collections_->find(other_id));
      return Free(id, name, moving);  // the erase has invalidated the loop
    }
    // A collection that is not on the target yet occupies nothing, unless it wants this very name.
    if (record.on_target || other.WantedName() == name) {
      CDC_RETURN_IF_ERROR(MoveAway(other, name, moving));
    }
  }
  return OkStatus();
}

Status NameExchange::MoveAway(CollectionReconciler& other,
                              const CollectionName& name,
                              Moving* moving) {
  CDC_RETURN_IF_ERROR(other.ResolveRename());
  if (other.record().target != name) {
    return OkStatus();
  }
  const CollectionId id = other.record().id;
  const CollectionName wanted = other.WantedName();
  if (wanted == name) {
    return FailedPreconditionError("two collections of the source get the name " + name.ToString() +
                                   " on the target: rename one of them on the source and resume "
                                   "the task; the other one is " +
                                   other.record().source.ToString());
  }
  if (wanted == other.unreachable_name()) {
    return FailedPreconditionError(
        "the target cannot rename the collection that still has the name " + name.ToString() +
        ": give the new one another name on the source and run `milvus-cdc task retry`");
  }
  moving->insert(id);
  // If the wanted name belongs to a collection that is itself waiting for this move, they wait in a
  // ring: only a third name lets one of them go first.
  const bool ring = std::any_of(moving->begin(), moving->end(), [&](CollectionId each) {
    return each != id && collections_->at(each).record().target == wanted;
  });
  if (!ring) {
    CDC_RETURN_IF_ERROR(Free(id, wanted, moving));
  }
  CDC_ASSIGN_OR_RETURN(const bool renamed, other.RenameTo(ring ? TemporaryName(name, id) : wanted));
  if (!renamed) {
    return UnavailableError(
        "waiting for calls in flight to the collection that still has the name " + name.ToString());
  }
  // The collection keeps its name if the target cannot rename it. The second pass reports that.
  return other.record().target != name ? OkStatus() : MoveAway(other, name, moving);
}

}  // namespace cdc
