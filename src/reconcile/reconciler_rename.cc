#include <utility>

#include <spdlog/spdlog.h>

#include "reconcile/reconciler.h"

// How the reconciler renames. A collection is followed by its id: whatever the source calls it, and
// whenever that was noticed. No row may be under way to the old name meanwhile, since another
// collection may get it; so the writer is closed, the calls end, the intent is recorded, the target
// renames. A crash in between is resolved by a look at both names.
namespace cdc {
namespace {

// Where a collection waits in a swap of names.
CollectionName TemporaryName(const CollectionName& name, CollectionId id) {
  return {name.database, "_cdc_" + std::to_string(id.value)};
}

}  // namespace

CollectionName Reconciler::WantedName(const Entry& entry) const {
  return parts_.scope->Target({catalog_->DatabaseName(entry.source->database), entry.source->name});
}

// Returns whether the collection has the name it is to have; else its rows under the old one are
// still under way.
Result<bool> Reconciler::FollowName(CollectionId id, Entry& entry) {
  CDC_RETURN_IF_ERROR(SettleRename(id, entry));
  const CollectionName source{catalog_->DatabaseName(entry.source->database), entry.source->name};
  const CollectionName wanted = parts_.scope->Target(source);
  if (wanted == entry.target || wanted == entry.unreachable_name) {
    if (wanted == entry.target && entry.unreachable_name.has_value()) {
      entry.unreachable_name.reset();
      parts_.conditions->SetWaiting("rename of " + entry.target.ToString(), OkStatus());
    }
    return true;
  }
  if (parts_.scope->LeavesToOlder(source)) {
    return FailedPreconditionError(
        "renamed on the source to " + source.ToString() +
        ", which an older task of this target replicates: delete one of the two tasks, or rename "
        "the collection back and resume");
  }
  if (!entry.on_target) {
    ClearConditions(entry.target);
    entry.target = wanted;  // nothing has this name yet
    entry.actual.reset();
    return true;
  }
  std::set<CollectionId> moving{id};
  CDC_RETURN_IF_ERROR(FreeName(id, wanted, &moving));
  return Rename(id, entry, wanted);
}

// Makes the name free of the task's other collections: one that is being removed goes at once, one
// that has another name by now takes that. In a ring of names the one that closes it waits under a
// temporary name. `moving`: those whose names are about to be free.
Status Reconciler::FreeName(CollectionId id,
                            const CollectionName& name,
                            std::set<CollectionId>* moving) {
  for (auto& [other_id, other] : entries_) {
    if (other_id == id || (other.target != name && other.renamed_from != name)) {
      continue;
    }
    if (!other.Exists()) {
      CDC_ASSIGN_OR_RETURN(const bool removed, RemoveCollection(other_id, other, true));
      if (!removed) {
        return UnavailableError("waits for the removal of the older collection of this name");
      }
      Forget(other_id);
      return FreeName(id, name, moving);
    }
    if (other.on_target || WantedName(other) == name) {
      CDC_RETURN_IF_ERROR(MoveAway(other_id, other, name, moving));
    }
  }
  return OkStatus();
}

Status Reconciler::MoveAway(CollectionId id,
                            Entry& entry,
                            const CollectionName& name,
                            std::set<CollectionId>* moving) {
  CDC_RETURN_IF_ERROR(SettleRename(id, entry));
  if (entry.target != name) {
    return OkStatus();
  }
  const CollectionName wanted = WantedName(entry);
  if (wanted == name) {
    return FailedPreconditionError("two collections of the source have the name " +
                                   name.ToString() + " on the target, one is " +
                                   catalog_->DatabaseName(entry.source->database) + "." +
                                   entry.source->name);
  }
  if (wanted == entry.unreachable_name) {
    return FailedPreconditionError("the target cannot rename the collection that has the name " +
                                   name.ToString() + " until now");
  }
  moving->insert(id);
  bool ring = false;
  for (const CollectionId other : *moving) {
    ring = ring || (other != id && entries_.at(other).target == wanted);
  }
  if (!ring) {
    CDC_RETURN_IF_ERROR(FreeName(id, wanted, moving));
  }
  CDC_ASSIGN_OR_RETURN(const bool renamed,
                       Rename(id, entry, ring ? TemporaryName(name, id) : wanted));
  if (!renamed) {
    return UnavailableError("waits for the rows under way to the collection that has the name " +
                            name.ToString());
  }
  return entry.target != name ? OkStatus() : MoveAway(id, entry, name, moving);
}

// Returns whether it is done: not as long as rows are under way to the old name. Rows wait from
// here on until the target has answered.
Result<bool> Reconciler::Rename(CollectionId id, Entry& entry, const CollectionName& to) {
  parts_.gates->Close(id);
  if (parts_.gates->HasCalls(id)) {
    return false;
  }
  const CollectionName from = entry.target;
  CDC_ASSIGN_OR_RETURN(const auto there, DescribeTarget(from));
  if (!there.has_value()) {
    // Noted, and not made yet: nothing has the name.
    ClearConditions(from);
    entry.target = to;
    entry.actual.reset();
    parts_.gates->Reopen(id, to);
    return true;
  }
  CDC_RETURN_IF_ERROR(EnsureDatabase(to.database));
  if (to.database != from.database) {
    CDC_RETURN_IF_ERROR(DropAliases(from));
  }
  entry.renamed_from = from;
  entry.target = to;
  CDC_RETURN_IF_ERROR(Record(id, entry));
  const Status renamed = Apply(RenameCollection{from, to});
  if (IsRetryable(renamed) || renamed.code() == StatusCode::kCancelled) {
    return renamed;  // it may have happened: SettleRename looks
  }
  entry.target = renamed.ok() ? to : from;
  entry.renamed_from.reset();
  const Status recorded = Record(id, entry);
  if (!recorded.ok()) {
    entry.renamed_from = from;
    entry.target = to;
    return recorded;
  }
  entry.actual.reset();
  parts_.gates->Reopen(id, entry.target);
  if (renamed.code() == StatusCode::kUnimplemented) {
    entry.unreachable_name = to;
    spdlog::warn("task={} {}; the rows go on under the old name", parts_.task_id,
                 renamed.ToString());
    parts_.conditions->SetWaiting("rename of " + from.ToString(), renamed);
    return true;
  }
  CDC_RETURN_IF_ERROR(renamed);
  ClearConditions(from);
  return true;
}

// Finds out what became of a rename that was begun: by an earlier attempt or before a crash.
Status Reconciler::SettleRename(CollectionId id, Entry& entry) {
  if (!entry.renamed_from.has_value()) {
    return OkStatus();
  }
  const CollectionName from = *entry.renamed_from;
  CDC_ASSIGN_OR_RETURN(const auto before, DescribeTarget(from));
  CDC_ASSIGN_OR_RETURN(const auto after, DescribeTarget(entry.target));
  if (before.has_value() && after.has_value()) {
    return FailedPreconditionError("was to be renamed on the target from " + from.ToString() +
                                   " to " + entry.target.ToString() +
                                   ", and both are there: remove the wrong one and resume");
  }
  const Entry begun = entry;
  entry.target = before.has_value() ? from : entry.target;
  entry.renamed_from.reset();
  entry.actual.reset();
  const Status recorded = entry.Exists() ? Record(id, entry) : OkStatus();
  if (!recorded.ok()) {
    entry.target = begun.target;
    entry.renamed_from = begun.renamed_from;
    return recorded;
  }
  parts_.gates->Reopen(id, entry.target);
  ClearConditions(entry.target == from ? begun.target : from);
  return OkStatus();
}

}  // namespace cdc
