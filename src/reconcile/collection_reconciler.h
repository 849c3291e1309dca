#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/status.h"
#include "model/catalog.h"
#include "model/target_collection.h"
#include "model/task.h"
#include "reconcile/collection_context.h"
#include "reconcile/collection_record.h"
#include "reconcile/feature_reconciler.h"
#include "reconcile/partition_reconciler.h"
#include "reconcile/removal.h"
#include "reconcile/target_claim.h"

namespace cdc {

// One collection of the source that is, or has been, replicated. It is followed by its id:
//
//   kPreparing  what its rows need is made on the target: the collection, its partitions. Rows
//               wait, unless it was open before: then they go on.
//   kOpen       rows go through. The optional features follow.
//   kRenaming   it has another name on the source, or a rename was begun of which it is not known
//               whether the target has done it. Rows wait, since another collection may get the old
//               name: the gate is closed, the calls in flight end, the intent is recorded, the
//               target renames, the gate opens again.
//   kRemoving   the source has dropped it. It is dropped on the target after the rows that were in
//               the queue before, or at once, without these, if its name is needed for a new one.
//
// An attempt begins with the state that follows from what is known, and goes on to the next states
// as far as it can: kRenaming, kPreparing, kOpen. After an error nothing is believed of the target.
//
// Belongs to the reconciler's thread. It has more than ten methods because it is two things to
// others: the Reconciler lets it make its attempts, NameExchange moves it out of the way.
class CollectionReconciler {
 public:
  enum class State { kPreparing, kOpen, kRenaming, kRemoving };

  // `stored`: the record comes from the store. `context` must outlive this.
  CollectionReconciler(const CollectionContext* context, ReplicatedCollection record, bool stored);

  // What the catalog says of it; nullptr: it is gone.
  void UpdateSource(std::shared_ptr<const Collection> source, const Catalog& catalog);

  // Does what can be done now, unless it is done or not yet due. Reports what stands in the way.
  // Returns whether the collection is gone from both sides: then CleanUp and destroy it.
  bool Attempt();

  // For others that need its name: removes it without its remaining rows; moves it to another name;
  // finds out what became of a rename that was begun. The bools: whether it is done, else calls
  // are in flight.
  Result<bool> RemoveAtOnce() { return Remove(/*at_once=*/true); }
  Result<bool> RenameTo(const CollectionName& to);
  Status ResolveRename();

  // The target may have changed: nothing that is known of it counts any more.
  void ForgetTarget();
  // It is gone from both sides: clears its conditions, lets go of its claim, its route and gate.
  void CleanUp();

  State state() const { return state_; }
  const ReplicatedCollection& record() const { return *record_; }
  const PartitionReconciler& partitions() const { return partitions_; }
  const std::shared_ptr<const Collection>& source() const { return source_; }
  CollectionName WantedName() const { return context_->scope->Target(record_->source); }
  // A name that the target cannot give it.
  const std::optional<CollectionName>& unreachable_name() const { return unreachable_name_; }

  bool Exists() const { return source_ != nullptr && source_->state == ObjectState::kCreated; }
  // Whether the target has been made like the source since the start; it may differ again.
  bool HasConverged() const { return converged_ != nullptr; }
  // Whether nothing is to be done at present.
  bool IsDone() const;
  // When the next attempt may be made; nullopt: only if something changes.
  std::optional<Clock::TimePoint> due() const;

 private:
  State DeriveState() const;
  Result<bool> Step();
  void HandleFailure(const Status& status);
  Result<bool> FollowRename();
  Status Prepare();
  Status CreateOnTarget();
  Status InspectTarget();
  Status RequireOnTarget();
  Status ClaimTarget();
  Status RecordForeignRows();
  Status Converge();
  void OpenGate();
  Result<bool> Remove(bool at_once);

  const CollectionContext* const context_;
  CollectionRecord record_;
  std::shared_ptr<const Collection> source_;     // nullptr: gone from the catalog
  std::shared_ptr<const Collection> converged_;  // the state that the target has
  State state_ = State::kPreparing;

  std::optional<TargetCollection> actual_;  // as the target shows it; nullopt: not known
  TargetClaim claim_;
  std::optional<CollectionName> unreachable_name_;
  std::optional<Removal> removal_;
  PartitionReconciler partitions_;
  FeatureReconciler features_;

  Backoff backoff_;
  Clock::TimePoint not_before_;
};

}  // namespace cdc
