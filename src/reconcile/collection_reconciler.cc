#include "reconcile/collection_reconciler.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/fault_point.h"
#include "reconcile/plan/plan.h"

namespace cdc {
namespace {

constexpr int kNotFoundAttempts = 10;       // about half a minute
constexpr int kInternalErrorAttempts = 40;  // about five minutes: a server often recovers by itself

// For a task with an end, what is created later does not exist.
std::shared_ptr<const Collection> WithoutLatePartitions(std::shared_ptr<const Collection> source,
                                                        const Scope& scope) {
  const auto is_late = [&scope](const Partition& each) { return !scope.IsInTime(each.created); };
  if (source == nullptr || std::ranges::none_of(source->partitions, is_late)) {
    return source;
  }
  auto in_time = std::make_shared<Collection>(*source);
  std::erase_if(in_time->partitions, is_late);
  return in_time;
}

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
  source_ = WithoutLatePartitions(std::move(source), *context_->scope);
  if (source_ == nullptr) {
    return;
  }
  CollectionName name{catalog.DatabaseName(source_->database), source_->name};
  if (name != record_->source || source_->created != record_->created) {
    // Not worth a write to the store for each change: after a restart the catalog shows it again.
    auto next = *record_;
    next.source = std::move(name);
    next.created = source_->created;
    record_.SetUnsaved(std::move(next));
  }
}

// Forgets converged_ too: a Milvus Lite that was restarted has nothing loaded any more.
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

// Catalogs share the objects that did not change, so comparing pointers is enough.
bool CollectionReconciler::IsDone() const {
  if (Exists() ? context_->set_aside.contains(record_->id) : left_) {
    return true;
  }
  return Exists() && converged_ == source_ && !features_.IsDue() && !partitions_.removing() &&
         !(features_wait_ && !IsReplacing());
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
  // A rename that the target cannot do is not tried again until the name changes.
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
    OpenGate();  // before Converge: rows do not wait for indexes and loads
    state_ = State::kOpen;
  }
  CDC_RETURN_IF_ERROR(Converge());
  return false;
}

void CollectionReconciler::HandleFailure(const Status& status) {
  // The failed call may still have taken effect, so read the target's state again.
  actual_.reset();
  const std::string part = "collection " + record_->target.ToString();
  const bool internal =
      status.code() == StatusCode::kInternal || status.code() == StatusCode::kUnknown;
  // The nodes of a Milvus learn of changes one after another, so "not found" may be out of date.
  const bool transient =
      IsRetryable(status) ||
      (status.code() == StatusCode::kNotFound && backoff_.attempts() < kNotFoundAttempts) ||
      (internal && backoff_.attempts() < kInternalErrorAttempts);
  // One that the source has dropped has nothing that could be set aside: its removal is tried
  // again.
  if (!transient && (Exists() || status.code() == StatusCode::kCancelled)) {
    // The task is about to stop (unless it is stopping already: kCancelled). The long wait keeps
    // this collection quiet until then.
    context_->on_collection_failed(record_->id, status.WithContext(part));
    not_before_ = context_->clock->Now() + std::chrono::hours(1);
    return;
  }
  if (backoff_.attempts() == 0) {
    spdlog::warn("task={} {}: {}; retrying", context_->task_id, part, status.ToString());
  }
  not_before_ = context_->clock->Now() + backoff_.Next();
}

// ---- Making it -------------------------------------------------------------------------------

// The order matters: the name must be free before the collection is created under it, and an old
// partition must be gone before a new one of its name is created.
Status CollectionReconciler::Prepare() {
  if (unreachable_name_.has_value() && WantedName() == record_->target) {
    // The source has renamed it back.
    unreachable_name_.reset();
    context_->conditions->SetWaiting("rename of " + record_->target.ToString(), OkStatus());
  }
  CDC_RETURN_IF_ERROR(context_->free_name(record_->id, record_->target));
  CDC_RETURN_IF_ERROR(CreateOnTarget());
  if (!context_->ignore_partition) {
    CDC_RETURN_IF_ERROR(CheckPartitions(*source_, record_->target, *actual_));
  }
  if (IsReplacing() && context_->copies->ReplacesAll(record_->id)) {
    CDC_RETURN_IF_ERROR(partitions_.RemoveForeign(*source_, &*actual_));
  }
  CDC_RETURN_IF_ERROR(partitions_.RemoveGone(*source_, actual_, [this] {
    converged_.reset();  // a new partition of this name has to be created
    return RequireOnTarget();
  }));
  CDC_ASSIGN_OR_RETURN(const bool created, partitions_.CreateMissing(*source_, &*actual_));
  // Milvus loads a partition that is created in a loaded collection by itself.
  if (created && actual_->loaded) {
    CDC_RETURN_IF_ERROR(RequireOnTarget());
  }
  return IsReplacing() ? LoadRest() : OkStatus();
}

Status CollectionReconciler::CreateOnTarget() {
  if (actual_.has_value()) {
    return OkStatus();
  }
  const auto traits = context_->target->traits();
  CDC_RETURN_IF_ERROR(CheckReplicable(*source_, record_->source, traits));
  CDC_RETURN_IF_ERROR(InspectTarget());
  if (actual_.has_value()) {
    // Only a matching collection may be recorded as on_target, because the task may later drop it.
    CDC_RETURN_IF_ERROR(CheckFits(*source_, record_->target, *actual_, traits));
    if (IsReplacing() && !record_->seen_on_target && MustBeCreatedAnew()) {
      CDC_RETURN_IF_ERROR(DropUnreadable());
    }
  }
  const bool found = actual_.has_value();
  if (!found && record_->seen_on_target) {
    // A recreated collection would look complete but lack every row replicated so far.
    return NotFoundError(
        "has been removed from the target, along with its rows, or was never there although "
        "positions were given for it; to copy what the source has of it, "
        "run `milvus-cdc task snapshot " +
        context_->task_id + " --collection " + record_->source.ToString() +
        "`; to continue without the old rows, create the collection on the target and run "
        "`milvus-cdc task retry " +
        context_->task_id + "`");
  }
  if (!record_->on_target || (!found && record_->may_hold_until > Timestamp{})) {
    // Recorded before it is created: a crash in between must not leave behind a collection on the
    // target that no task would ever drop.
    auto next = *record_;
    next.on_target = true;
    if (!found) {
      next.may_hold_until = {};  // it starts empty
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
    // From now on a missing collection means that somebody has removed it, not that a crash came
    // before its creation.
    auto next = *record_;
    next.seen_on_target = true;
    CDC_RETURN_IF_ERROR(record_.Save(std::move(next)));
  }
  return OkStatus();
}

// Whether the collection's stored rows are being copied into what the target had of it before. The
// copy finds the rows that the source does not have by reading the target, and waits for the gate,
// so may_hold_until says so before any of its rows is sent.
bool CollectionReconciler::IsReplacing() const {
  return record_->may_hold_until > Timestamp{} && context_->copies->Replaces(record_->id);
}

// A collection that is not loaded cannot be read, so its other rows could not be found; nobody else
// can read it either. A Milvus Lite shows a flushed row again, in its old partition, once its key
// is inserted into another one, and its deletes reach all partitions: rows that have moved could
// not be removed from where they were.
bool CollectionReconciler::MustBeCreatedAnew() const {
  const bool is_lite = context_->target->traits().deletes_by == ExpressionDialect::kLite;
  return !actual_->loaded || (is_lite && actual_->partitions.size() > 1);
}

// After a crash it is found, and dropped, or missing, and created, since seen_on_target is not set
// yet.
Status CollectionReconciler::DropUnreadable() {
  spdlog::warn(
      "task={} collection {} was on the target before, and cannot be compared: it is dropped there "
      "and created anew, and the source's stored rows are copied into it",
      context_->task_id, record_->target.ToString());
  CDC_RETURN_IF_ERROR(DropAliases(context_->target, record_->target));
  CDC_RETURN_IF_ERROR(context_->target->Apply(DropCollection{record_->target}));
  FaultPoint("after_drop_unreadable");
  return InspectTarget();
}

// The copy reads the keys of all partitions. What the source has not loaded is released after it.
Status CollectionReconciler::LoadRest() {
  std::vector<std::string> rest;
  for (const std::string& partition : actual_->partitions) {
    if (!actual_->loaded_partitions.contains(partition)) {
      rest.push_back(partition);
    }
  }
  if (!actual_->loaded) {
    // Somebody has released it meanwhile; a Milvus Lite was perhaps restarted.
    CDC_RETURN_IF_ERROR(context_->target->Apply(LoadCollection{.name = record_->target}));
    return RequireOnTarget();
  }
  if (!actual_->loads_partitions || rest.empty()) {
    return OkStatus();
  }
  CDC_RETURN_IF_ERROR(context_->target->Apply(LoadPartitions{
      .name = record_->target, .partitions = std::move(rest), .replicas = actual_->replicas}));
  return RequireOnTarget();
}

// Reads the collection's state and claims it before its rows can flow: two tasks that write one
// collection would double its rows.
Status CollectionReconciler::InspectTarget() {
  CDC_ASSIGN_OR_RETURN(actual_, context_->target->DescribeCollection(record_->target));
  if (!actual_.has_value()) {
    return OkStatus();
  }
  CDC_RETURN_IF_ERROR(ClaimTarget());
  features_.AddRefusedProperties(&*actual_);
  // With ignore_partition none of the source's partitions exist there to be loaded one by one.
  actual_->loads_partitions = actual_->loads_partitions && !context_->ignore_partition;
  return OkStatus();
}

Status CollectionReconciler::RequireOnTarget() {
  CDC_RETURN_IF_ERROR(InspectTarget());
  return actual_.has_value() ? OkStatus() : NotFoundError("has disappeared from the target");
}

// Rows wait while another task holds the claim. This may happen to an open collection: its address
// may have come to mean a server that another task writes to.
Status CollectionReconciler::ClaimTarget() {
  Status claimed = claim_.Claim(*actual_, context_->target_address, record_->target);
  if (claimed.ok() && claim_.foreign_rows_pending()) {
    claimed = RecordForeignRows();
    if (!claimed.ok()) {
      claim_.Release();
    }
  }
  if (!claimed.ok()) {
    context_->gates->Close(record_->id);
  }
  return claimed;
}

// The other task may have written any row up to now, so inserts up to this time become upserts.
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
  opened_ = true;
}

Status CollectionReconciler::Converge() {
  if (IsReplacing()) {
    features_wait_ = true;  // the end of the copy wakes the reconciler
    converged_ = source_;
    return OkStatus();
  }
  if (converged_ == source_ && !features_.IsDue() && !features_wait_) {
    return OkStatus();
  }
  CDC_RETURN_IF_ERROR(
      features_.Converge(*source_, record_->target, actual_, [this] { return RequireOnTarget(); }));
  converged_ = source_;
  features_wait_ = false;
  return OkStatus();
}

// ---- A rename --------------------------------------------------------------------------------

// Returns whether the collection has its wanted name. False: calls to the old name are still in
// flight.
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
    // Nothing was created under the old name, so there is nothing to rename.
    ClearConditions(context_->conditions, record_->target);
    auto next = *record_;
    next.target = wanted;
    record_.SetUnsaved(std::move(next));
    actual_.reset();
    return true;
  }
  const Status freed = context_->free_name(record_->id, wanted);
  if (freed.code() == StatusCode::kUnimplemented) {
    KeepName(wanted, freed);
    return true;
  }
  CDC_RETURN_IF_ERROR(freed);
  return RenameTo(wanted);
}

void CollectionReconciler::KeepName(const CollectionName& wanted, const Status& why) {
  unreachable_name_ = wanted;
  spdlog::warn("task={} {}; rows continue under the old name", context_->task_id, why.ToString());
  context_->conditions->SetWaiting("rename of " + record_->target.ToString(), why);
}

Result<bool> CollectionReconciler::RenameTo(const CollectionName& to) {
  state_ = State::kRenaming;
  // A call in flight names the old name, which may soon belong to another collection.
  context_->gates->Close(record_->id);
  if (context_->gates->HasCalls(record_->id)) {
    return false;
  }
  const CollectionName from = record_->target;
  auto next = *record_;
  next.target = to;
  CDC_ASSIGN_OR_RETURN(const auto existing, context_->target->DescribeCollection(from));
  if (!existing.has_value()) {
    // Recorded, but a crash or an error prevented its creation.
    ClearConditions(context_->conditions, from);
    record_.SetUnsaved(std::move(next));
    actual_.reset();
    context_->gates->Reopen(record_->id, to);
    return true;
  }
  CDC_RETURN_IF_ERROR(context_->databases->Ensure(to.database));
  if (to.database != from.database) {
    // Servers may refuse to move a collection that has aliases.
    CDC_RETURN_IF_ERROR(DropAliases(context_->target, from));
  }
  // The intent is durable before the call, so that after a crash both names are known.
  next.renamed_from = from;
  CDC_RETURN_IF_ERROR(record_.Save(next));
  const Status renamed = context_->target->Apply(RenameCollection{from, to});
  if (IsRetryable(renamed) || renamed.code() == StatusCode::kCancelled) {
    return renamed;  // it may have taken effect: ResolveRename finds out
  }
  // If the target has refused for good, the collection keeps its old name.
  next.target = renamed.ok() ? to : from;
  next.renamed_from.reset();
  CDC_RETURN_IF_ERROR(record_.Save(std::move(next)));
  actual_.reset();
  context_->gates->Reopen(record_->id, record_->target);
  if (renamed.code() == StatusCode::kUnimplemented) {
    KeepName(to, renamed);
    return true;
  }
  CDC_RETURN_IF_ERROR(renamed);
  ClearConditions(context_->conditions, from);
  return true;
}

// An earlier attempt, or the process before a crash, may have requested a rename without learning
// its outcome. Which of the two names exists on the target shows it.
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
        "one and run `milvus-cdc task retry`; old name " +
        from.ToString() + ", new name " + to.ToString());
  }
  auto next = *record_;
  next.target = before.has_value() ? from : to;
  next.renamed_from.reset();
  actual_.reset();
  if (Exists()) {
    CDC_RETURN_IF_ERROR(record_.Save(std::move(next)));
  } else {
    record_.SetUnsaved(std::move(next));  // Remove deletes it from the store in a moment
  }
  context_->gates->Reopen(record_->id, record_->target);
  ClearConditions(context_->conditions, record_->target == from ? to : from);
  return OkStatus();
}

// ---- A drop ----------------------------------------------------------------------------------

Status CollectionReconciler::BeginRemoval() {
  if (!removal_.has_value()) {
    CDC_ASSIGN_OR_RETURN(removal_, Removal::Begin(*context_, record_->pchannels));
  }
  return OkStatus();
}

Result<bool> CollectionReconciler::StaysOnTarget() {
  CDC_RETURN_IF_ERROR(BeginRemoval());
  return !removal_->in_time();
}

// Returns whether the collection is gone from the target and the store.
Result<bool> CollectionReconciler::Remove(bool at_once) {
  state_ = State::kRemoving;
  // First of all, whether the target answers or not: later it may be too late for a drop.
  CDC_RETURN_IF_ERROR(BeginRemoval());
  CDC_RETURN_IF_ERROR(ResolveRename());
  context_->gates->Reopen(record_->id, record_->target);  // its last rows may wait for a rename
  // The last rows are written only if the collection was in use: the drop deletes them anyway. One
  // that stays must have them all.
  const bool has_last_rows = HasConverged() || (!removal_->in_time() && opened_);
  if (!at_once && has_last_rows &&
      (!removal_->HasReadAll(*context_->routes) || !context_->gates->Idle(record_->id))) {
    return false;
  }
  // A call still in flight could reach the next collection of this name.
  context_->gates->Discard(record_->id);
  if (!context_->gates->Idle(record_->id)) {
    return false;
  }
  if (!at_once && !removal_->in_time()) {
    if (record_->on_target) {
      context_->conditions->SetWaiting(
          "drop of " + record_->target.ToString(),
          FailedPreconditionError("it is left on the target: the source has dropped it, and "
                                  "perhaps not before stop_at"));
    }
    context_->routes->Forget(record_->id);
    left_ = true;
    return false;
  }
  if (record_->on_target) {
    CDC_RETURN_IF_ERROR(DropAliases(context_->target, record_->target));
    CDC_RETURN_IF_ERROR(context_->target->Apply(DropCollection{record_->target}));
  }
  // The record goes last: after a crash the drop is repeated, which succeeds.
  CDC_RETURN_IF_ERROR(record_.Remove());
  return true;
}

}  // namespace cdc
