#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/status.h"
#include "model/catalog.h"
#include "model/target_collection.h"
#include "model/task_progress.h"
#include "reconcile/collection_context.h"
#include "reconcile/collection_record.h"
#include "reconcile/feature_reconciler.h"
#include "reconcile/partition_reconciler.h"
#include "reconcile/removal.h"
#include "reconcile/target_claim.h"

namespace cdc {

// Reconciles one source collection that is, or has been, replicated. The collection is identified
// by its id; its name may change. It is always in one of these states:
//
//   kPreparing  creates what the rows need on the target: the collection and its partitions. Rows
//               wait, unless the collection was open before; then they keep flowing.
//   kOpen       rows flow. The optional features follow.
//   kRenaming   the source has renamed the collection, or an earlier rename may or may not have
//               taken effect. Rows wait, because another collection may take over the old name. The
//               sequence is: close the gate, wait for calls in flight, record the intent, rename on
//               the target, reopen the gate.
//   kRemoving   the source has dropped the collection. The target drops it after the rows that were
//               already queued, or at once and without them if a new collection needs its name.
//
// Each attempt derives the current state and then advances as far as it can: kRenaming, kPreparing,
// kOpen. After an error it reads the collection's state on the target again.
//
// Belongs to the reconciler's thread. It has more than ten methods because it serves two callers:
// the Reconciler, which schedules its attempts, and NameExchange, which moves it out of the way.
class CollectionReconciler {
 public:
  enum class State { kPreparing, kOpen, kRenaming, kRemoving };

  // `stored`: whether the store already has the record. `context` must outlive this.
  CollectionReconciler(const CollectionContext* context, ReplicatedCollection record, bool stored);

  // Takes the collection's entry from a new catalog; nullptr: it is gone.
  void UpdateSource(std::shared_ptr<const Collection> source, const Catalog& catalog);

  // Does what can be done now, unless it is done or not yet due, and reports what blocks it.
  // Returns whether the collection is gone from both sides; the caller then calls CleanUp and
  // destroys it.
  bool Attempt();

  // For NameExchange, when another collection needs this one's name. RemoveAtOnce drops this one
  // without its remaining rows, RenameTo renames it; both return false while calls are in flight.
  // ResolveRename finds out whether an interrupted rename took effect.
  Result<bool> RemoveAtOnce() { return Remove(/*at_once=*/true); }
  Result<bool> RenameTo(const CollectionName& to);
  Status ResolveRename();
  // For the same: whether the target keeps this one, which is gone from the source, since it may
  // have been dropped after the task's `stop_at`.
  Result<bool> StaysOnTarget();

  // The target may have changed: forgets everything known about it.
  void ForgetTarget();
  // Clears the conditions and releases the claim, route and gate of a collection that is gone.
  void CleanUp();

  State state() const { return state_; }
  const ReplicatedCollection& record() const { return *record_; }
  const PartitionReconciler& partitions() const { return partitions_; }
  const std::shared_ptr<const Collection>& source() const { return source_; }
  CollectionName WantedName() const { return context_->scope->Target(record_->source); }
  // The name the source wants, if the target cannot rename to it.
  const std::optional<CollectionName>& unreachable_name() const { return unreachable_name_; }

  bool Exists() const { return source_ != nullptr && source_->state == ObjectState::kCreated; }
  // Whether the target has matched the source since its state was last forgotten; it may differ
  // again.
  bool HasConverged() const { return converged_ != nullptr; }
  // Whether there is nothing to do at present.
  bool IsDone() const;
  // What is left until its stored rows are copied; empty: nothing.
  std::string waiting_for_copy() const {
    return features_wait_ ? "indexes, load and other features" : features_.waiting_for_copy();
  }
  // When the next attempt is due; nullopt: not before something changes.
  std::optional<Clock::TimePoint> due() const;

 private:
  State DeriveState() const;
  Result<bool> Step();
  void HandleFailure(const Status& status);
  Result<bool> FollowRename();
  void KeepName(const CollectionName& wanted, const Status& why);
  Status Prepare();
  Status CreateOnTarget();
  bool IsReplacing() const;
  bool MustBeCreatedAnew() const;
  Status DropUnreadable();
  Status LoadRest();
  Status InspectTarget();
  Status RequireOnTarget();
  Status ClaimTarget();
  Status RecordForeignRows();
  Status Converge();
  void OpenGate();
  Status BeginRemoval();
  Result<bool> Remove(bool at_once);

  const CollectionContext* const context_;
  CollectionRecord record_;
  std::shared_ptr<const Collection> source_;     // nullptr: gone from the catalog
  std::shared_ptr<const Collection> converged_;  // the source state last reached on the target
  State state_ = State::kPreparing;

  std::optional<TargetCollection> actual_;  // as last described by the target; nullopt: unknown
  TargetClaim claim_;
  // The features wait for a copy into what the target had: it must stay loaded.
  bool features_wait_ = false;
  std::optional<CollectionName> unreachable_name_;
  std::optional<Removal> removal_;
  bool opened_ = false;  // its gate, so what waits for it can be written
  bool left_ = false;    // dropped too late for a task with an end: it stays on the target
  PartitionReconciler partitions_;
  FeatureReconciler features_;

  Backoff backoff_;
  Clock::TimePoint not_before_;
};

}  // namespace cdc
