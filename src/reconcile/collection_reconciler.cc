#include "reconcile/collection_reconciler.h"

#include <utility>

#include <spdlog/spdlog.h>

#include "reconcile/plan/plan.h"

namespace cdc {
namespace {

constexpr int kNotFoundAttempts = 10;       // about half a minute
constexpr int kInternalErrorAttempts = 40;  // about five minutes: a server's own trouble may pass

}  // namespace

CollectionReconciler::CollectionReconciler(const CollectionContext* context,
                                           ReplicatedCollection record,
                                           bool stored)
    : context_(context),
      record_(context->store, context->task_id, std::move(record), stored),
      claim_(context->claims, context->task_id),
      partitions_(context, &record_),
      features_(context),
      backoff_(context->retry) {}

void CollectionReconciler::UpdateSource(std::shared_ptr<const Collection> source,
                                        const Catalog& catalog) {
  source_ = std::move(source);
  if (source_ == nullptr) {
    return;
  }
  CollectionName name{catalog.DatabaseName(source_->database), source_->name};
  if (name != record_->source || source_->created != record_->created) {
    auto next = *record_;
    next.source = std::move(name);
    next.created = source_->created;
    record_.SetUnsaved(std::move(next));
  }
}

void CollectionReconciler::ForgetTarget() {
  actual_.reset();
  converged_.reset();
}

void CollectionReconciler::CleanUp() {
  ClearConditions(context_->conditions, record_->target);
  claim_.Release();
  context_->routes->Forget(record_->id);
  context_->gates->Forget(record_->id);
}

bool CollectionReconciler::IsDone() const {
  return Exists() && converged_ == source_ && !features_.RetryIsDue() && !partitions_.removing();
}

std::optional<Clock::TimePoint> CollectionReconciler::due() const {
  return IsDone() ? features_.retry_at() : not_before_;
}

// ---- An attempt ------------------------------------------------------------------------------

bool CollectionReconciler::Attempt() {
  if (context_->clock->Now() < not_before_ || IsDone()) {
    return false;
  }
  const Result<bool> gone = Step();
  if (gone.ok() && *gone) {
    return true;
  }
  context_->conditions->Set("collection " + record_->target.ToString(), gone.status());
  if (gone.ok()) {
    backoff_.Reset();
  } else {
    HandleFailure(gone.status());
  }
  return false;
}

CollectionReconciler::State CollectionReconciler::DeriveState() const {
  if (!Exists()) {
    return State::kRemoving;
  }
  const CollectionName wanted = WantedName();
  if (record_->renamed_from.has_value() ||
      (wanted != record_->target && wanted != unreachable_name_)) {
    return State::kRenaming;
  }
  const bool made = actual_.has_value() && converged_ == source_ && !partitions_.removing();
  return made ? State::kOpen : State::kPreparing;
}

// Returns whether the collection is gone from both sides.
Result<bool> CollectionReconciler::Step() {
  state_ = DeriveState();
  if (state_ == State::kRemoving) {
    return Remove(/*at_once=*/false);
  }
  removal_.reset();
  if (state_ == State::kRenaming) {
    CDC_ASSIGN_OR_RETURN(const bool named, FollowRename());
    if (!named) {
      return false;  // calls to the old name are in flight
    }
    state_ = State::kPreparing;
  }
  if (state_ == State::kPreparing) {
    CDC_RETURN_IF_ERROR(Prepare());
    OpenGate();
    state_ = State::kOpen;
  }
  CDC_RETURN_IF_ERROR(Converge());
  return false;
}

void CollectionReconciler::HandleFailure(const Status& status) {
  actual_.reset();  // whatever is believed of the target may be wrong: look again
  const std::string part = "collection " + record_->target.ToString();
  // The target's nodes learn of changes one after another: what is not found may be there soon.
  const bool internal =
      status.code() == StatusCode::kInternal || status.code() == StatusCode::kUnknown;
  const bool transient =
      IsRetryable(status) ||
      (status.code() == StatusCode::kNotFound && backoff_.attempts() < kNotFoundAttempts) ||
      (internal && backoff_.attempts() < kInternalErrorAttempts);
  if (!transient) {
    context_->on_fatal(status.WithContext(part));
    not_before_ = context_->clock->Now() + std::chrono::hours(1);
    return;
  }
  if (backoff_.attempts() == 0) {
    spdlog::warn("task={} {}: {}; retrying", context_->task_id, part, status.ToString());
  }
  not_before_ = context_->clock->Now() + backoff_.Next();
}

// ---- Making it -------------------------------------------------------------------------------

// Makes what the rows need exist on the target, and learns what is there.
Status CollectionReconciler::Prepare() {
  if (unreachable_name_.has_value() && WantedName() == record_->target) {
    unreachable_name_.reset();
    context_->conditions->SetWaiting("rename of " + record_->target.ToString(), OkStatus());
  }
  CDC_RETURN_IF_ERROR(context_->free_name(record_->id, record_->target));
  CDC_RETURN_IF_ERROR(CreateOnTarget());
  if (!context_->ignore_partition) {
    CDC_RETURN_IF_ERROR(CheckPartitions(*source_, record_->target, *actual_));
  }
  CDC_RETURN_IF_ERROR(partitions_.RemoveGone(*source_, actual_, [this] {
    converged_.reset();  // a new partition of this name has to be made
    return RequireOnTarget();
  }));
  return partitions_.CreateMissing(*source_, &*actual_);
}

Status CollectionReconciler::CreateOnTarget() {
  if (actual_.has_value()) {
    return OkStatus();
  }
  const auto traits = context_->target->traits();
  CDC_RETURN_IF_ERROR(CheckKeyField(*source_, record_->source, traits));
  CDC_RETURN_IF_ERROR(InspectTarget());
  const bool found = actual_.has_value();
  if (found) {
    CDC_RETURN_IF_ERROR(CheckFits(*source_, record_->target, *actual_, traits));
  } else if (record_->seen_on_target) {
    // A recreated collection would look complete but lack every row replicated so far.
    return NotFoundError(
        "has been removed from the target, along with its rows; to replicate it from its first "
        "row, run `milvus-cdc task delete " +
        context_->task_id +
        "` and create the task again with start_from earliest; to continue without the old rows, "
        "create the collection on the target and run `milvus-cdc task resume " +
        context_->task_id + "`");
  }
  if (!record_->on_target) {
    // Recorded before it is made: a crash in between must not leave one that nobody knows of.
    auto next = *record_;
    next.on_target = true;
    if (!found) {
      next.may_hold_until = {};  // it is made empty
    }
    CDC_RETURN_IF_ERROR(record_.Save(std::move(next)));
    if (record_->may_hold_until > Timestamp{}) {
      spdlog::info(
          "task={} collection {} existed on the target before: inserts up to now become upserts",
          context_->task_id, record_->target.ToString());
    }
  }
  if (!found) {
    CDC_RETURN_IF_ERROR(context_->databases->Ensure(record_->target.database));
    CDC_RETURN_IF_ERROR(context_->target->Apply(PlanCreate(*source_, record_->target, traits)));
    CDC_RETURN_IF_ERROR(InspectTarget());
    if (!actual_.has_value()) {
      return UnavailableError("created, but not yet visible on the target");
    }
    CDC_RETURN_IF_ERROR(CheckFits(*source_, record_->target, *actual_, traits));
  }
  if (!record_->seen_on_target) {
    auto next = *record_;
    next.seen_on_target = true;
    CDC_RETURN_IF_ERROR(record_.Save(std::move(next)));
  }
  return OkStatus();
}

// Learns what the target shows, and claims it: no two tasks write one collection.
Status CollectionReconciler::InspectTarget() {
  CDC_ASSIGN_OR_RETURN(actual_, context_->target->DescribeCollection(record_->target));
  if (!actual_.has_value()) {
    return OkStatus();
  }
  CDC_RETURN_IF_ERROR(ClaimTarget());
  features_.AddRefusedProperties(&*actual_);
  // With ignore_partition the target has none of the source's partitions.
  actual_->loads_partitions = actual_->loads_partitions && !context_->ignore_partition;
  return OkStatus();
}

Status CollectionReconciler::RequireOnTarget() {
  CDC_RETURN_IF_ERROR(InspectTarget());
  return actual_.has_value() ? OkStatus() : NotFoundError("has disappeared from the target");
}

// As long as another task has the claim, the rows wait.
Status CollectionReconciler::ClaimTarget() {
  const Status claimed = claim_.Claim(*actual_, context_->target_address, record_->target);
  if (!claimed.ok()) {
    context_->gates->Close(record_->id);
    return claimed;
  }
  const Status noted = claim_.foreign_rows_pending() ? RecordForeignRows() : OkStatus();
  if (!noted.ok()) {
    claim_.Release();
  }
  return noted;
}

// Another task may have written all rows up to now: they are written as upserts.
Status CollectionReconciler::RecordForeignRows() {
  auto next = *record_;
  CDC_ASSIGN_OR_RETURN(next.may_hold_until, context_->catalog->Present(context_->target->stop()));
  CDC_RETURN_IF_ERROR(record_.Save(std::move(next)));
  claim_.ForeignRowsRecorded();
  return OkStatus();
}

void CollectionReconciler::OpenGate() {
  RowGate gate;
  gate.target = record_->target;
  gate.primary_key = source_->schema.PrimaryKey()->name;
  gate.function_outputs = source_->schema.FunctionOutputs();
  gate.may_hold_until = record_->may_hold_until;
  gate.partition_key = source_->schema.HasPartitionKey() || context_->ignore_partition;
  partitions_.AddToGate(*source_, *actual_, &gate);
  context_->gates->Open(record_->id, std::move(gate));
}

Status CollectionReconciler::Converge() {
  if (converged_ == source_ && !features_.RetryIsDue()) {
    return OkStatus();
  }
  CDC_RETURN_IF_ERROR(
      features_.Converge(*source_, record_->target, actual_, [this] { return RequireOnTarget(); }));
  converged_ = source_;
  return OkStatus();
}

// ---- A rename --------------------------------------------------------------------------------

// Returns whether the collection has the name that it is to have; else calls to the old one are
// still in flight.
Result<bool> CollectionReconciler::FollowRename() {
  CDC_RETURN_IF_ERROR(ResolveRename());
  const CollectionName wanted = WantedName();
  if (wanted == record_->target || wanted == unreachable_name_) {
    return true;
  }
  if (context_->scope->LeavesToOlder(record_->source)) {
    // Two tasks would write one collection.
    return FailedPreconditionError(
        "renamed on the source to " + record_->source.ToString() +
        ", which an older task of this target replicates: delete one of the two tasks, or rename "
        "the collection back, and resume");
  }
  if (!record_->on_target) {
    // Nothing on the target has this name yet.
    ClearConditions(context_->conditions, record_->target);
    auto next = *record_;
    next.target = wanted;
    record_.SetUnsaved(std::move(next));
    actual_.reset();
    return true;
  }
  CDC_RETURN_IF_ERROR(context_->free_name(record_->id, wanted));
  return RenameTo(wanted);
}

Result<bool> CollectionReconciler::RenameTo(const CollectionName& to) {
  state_ = State::kRenaming;
  context_->gates->Close(record_->id);
  if (context_->gates->HasCalls(record_->id)) {
    return false;
  }
  const CollectionName from = record_->target;
  auto next = *record_;
  next.target = to;
  CDC_ASSIGN_OR_RETURN(const auto existing, context_->target->DescribeCollection(from));
  if (!existing.has_value()) {
    // Recorded, and not made yet: nothing on the target has the name.
    ClearConditions(context_->conditions, from);
    record_.SetUnsaved(std::move(next));
    actual_.reset();
    context_->gates->Reopen(record_->id, to);
    return true;
  }
  CDC_RETURN_IF_ERROR(context_->databases->Ensure(to.database));
  if (to.database != from.database) {
    CDC_RETURN_IF_ERROR(DropAliases(context_->target, from));
  }
  next.renamed_from = from;
  CDC_RETURN_IF_ERROR(record_.Save(next));
  const Status renamed = context_->target->Apply(RenameCollection{from, to});
  if (IsRetryable(renamed) || renamed.code() == StatusCode::kCancelled) {
    return renamed;  // it may have happened: ResolveRename looks
  }
  next.target = renamed.ok() ? to : from;
  next.renamed_from.reset();
  CDC_RETURN_IF_ERROR(record_.Save(std::move(next)));
  actual_.reset();
  context_->gates->Reopen(record_->id, record_->target);
  if (renamed.code() == StatusCode::kUnimplemented) {
    unreachable_name_ = to;
    spdlog::warn("task={} {}; rows continue under the old name", context_->task_id,
                 renamed.ToString());
    context_->conditions->SetWaiting("rename of " + from.ToString(), renamed);
    return true;
  }
  CDC_RETURN_IF_ERROR(renamed);
  ClearConditions(context_->conditions, from);
  return true;
}

// A rename may have been begun by an earlier attempt, or before a crash: a look at both names tells
// what became of it.
Status CollectionReconciler::ResolveRename() {
  if (!record_->renamed_from.has_value()) {
    return OkStatus();
  }
  const CollectionName from = *record_->renamed_from;
  const CollectionName to = record_->target;
  CDC_ASSIGN_OR_RETURN(const auto before, context_->target->DescribeCollection(from));
  CDC_ASSIGN_OR_RETURN(const auto after, context_->target->DescribeCollection(to));
  if (before.has_value() && after.has_value()) {
    return FailedPreconditionError(
        "its rename on the target was interrupted, and both names now exist there: drop the wrong "
        "one and resume the task; old name " +
        from.ToString() + ", new name " + to.ToString());
  }
  auto next = *record_;
  next.target = before.has_value() ? from : to;
  next.renamed_from.reset();
  actual_.reset();
  if (Exists()) {
    CDC_RETURN_IF_ERROR(record_.Save(std::move(next)));
  } else {
    record_.SetUnsaved(std::move(next));  // it is about to be removed from the store
  }
  context_->gates->Reopen(record_->id, record_->target);
  ClearConditions(context_->conditions, record_->target == from ? to : from);
  return OkStatus();
}

// ---- A drop ----------------------------------------------------------------------------------

// Returns whether the collection is gone from the target, and from the store.
Result<bool> CollectionReconciler::Remove(bool at_once) {
  state_ = State::kRemoving;
  CDC_RETURN_IF_ERROR(ResolveRename());
  context_->gates->Reopen(record_->id, record_->target);  // a rename may have been waiting
  if (!removal_.has_value()) {
    CDC_ASSIGN_OR_RETURN(removal_, Removal::Begin(context_->log, record_->pchannels));
  }
  // If it was not made in this run, its rows are not worth writing.
  if (!at_once && HasConverged() &&
      (!removal_->HasReadAll(*context_->routes) || !context_->gates->Idle(record_->id))) {
    return false;
  }
  context_->gates->Discard(record_->id);
  if (!context_->gates->Idle(record_->id)) {
    return false;
  }
  if (record_->on_target) {
    CDC_RETURN_IF_ERROR(DropAliases(context_->target, record_->target));
    CDC_RETURN_IF_ERROR(context_->target->Apply(DropCollection{record_->target}));
  }
  CDC_RETURN_IF_ERROR(record_.Remove());
  return true;
}

}  // namespace cdc
