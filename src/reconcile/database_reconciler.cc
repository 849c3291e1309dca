#include "reconcile/database_reconciler.h"

#include <algorithm>
#include <utility>

#include "reconcile/collection_context.h"
#include "reconcile/plan/plan_properties.h"

namespace cdc {

DatabaseReconciler::DatabaseReconciler(Parts parts, const std::vector<std::string>& replicated)
    : parts_(std::move(parts)), replicated_(replicated.begin(), replicated.end()) {}

Status DatabaseReconciler::Refresh(const Catalog& catalog) {
  Status status = ListOnTarget();
  if (status.ok()) {
    status = EnsureAll(catalog);
  }
  if (!status.ok()) {
    ForgetTarget();
  }
  return status;
}

// Connect also checks the target's identity, before anything is created there.
Status DatabaseReconciler::ListOnTarget() {
  if (on_target_.has_value()) {
    return OkStatus();
  }
  CDC_RETURN_IF_ERROR(parts_.target->Connect());
  CDC_ASSIGN_OR_RETURN(const auto listed, parts_.target->ListDatabases());
  on_target_.emplace(listed.begin(), listed.end());
  return OkStatus();
}

Status DatabaseReconciler::EnsureAll(const Catalog& catalog) {
  for (const auto& [id, database] : catalog.databases) {
    const std::string& name = database->name;
    const auto created_ms = static_cast<int64_t>(database->created_ns / 1'000'000);
    if (name == kDefaultDatabase || !parts_.scope->CoversDatabase(name) ||
        !parts_.scope->IsInTime(Timestamp::FromUnixMs(created_ms))) {
      continue;
    }
    // Stored before it is created: a drop on the source is then replicated even after a crash.
    if (!replicated_.contains(name)) {
      CDC_RETURN_IF_ERROR(parts_.store->PutDatabase(parts_.task_id, name));
      replicated_.insert(name);
    }
    CDC_RETURN_IF_ERROR(Ensure(parts_.scope->TargetDatabase(name)));
  }
  return OkStatus();
}

Status DatabaseReconciler::Ensure(const std::string& name) {
  if (name != kDefaultDatabase && !on_target_->contains(name)) {
    CDC_RETURN_IF_ERROR(parts_.target->Apply(CreateDatabase{name}));
    on_target_->insert(name);
  }
  return OkStatus();
}

bool DatabaseReconciler::DropAndAlter(const Catalog& catalog, const InUse& in_use) {
  // A refused drop is shown as waiting: it blocks neither rows nor properties.
  const Status dropped = DropGone(catalog, in_use);
  parts_.conditions->SetWaiting("drop database", dropped);
  const bool altered = AlterAll(catalog);
  return !dropped.ok() || !altered;
}

// Whether the target's database must stay after `gone` was dropped on the source: another source
// database may be mapped to it.
bool DatabaseReconciler::IsNeeded(const std::string& target,
                                  const std::string& gone,
                                  const Catalog& catalog) const {
  const bool has_image =
      std::any_of(catalog.databases.begin(), catalog.databases.end(), [&](const auto& each) {
        const std::string& name = each.second->name;
        return name != gone && parts_.scope->CoversDatabase(name) &&
               parts_.scope->TargetDatabase(name) == target;
      });
  return has_image || target == kDefaultDatabase;
}

Status DatabaseReconciler::DropGone(const Catalog& catalog, const InUse& in_use) {
  Status refused;
  std::string left;
  std::set<std::string> existing;
  for (const auto& [id, database] : catalog.databases) {
    existing.insert(database->name);
  }
  for (auto name = replicated_.begin(); name != replicated_.end();) {
    const std::string target = parts_.scope->TargetDatabase(*name);
    if (existing.contains(*name)) {
      ++name;
      continue;
    }
    // A database that stays needs no drop, but is no longer recorded for this source database.
    const bool needed = IsNeeded(target, *name, catalog);
    if (!needed && in_use(target)) {
      ++name;
      continue;
    }
    if (!needed && !too_late_) {
      CDC_ASSIGN_OR_RETURN(const bool in_time,
                           IsStillInTime(*parts_.scope, parts_.catalog, parts_.target->stop()));
      too_late_ = !in_time;
    }
    if (!needed && too_late_) {
      left += (left.empty() ? "" : ", ") + target;
      ++name;
      continue;
    }
    if (!needed) {
      const Status dropped = parts_.target->Apply(DropDatabase{target});
      if (!dropped.ok()) {
        refused = refused.ok() ? dropped : refused;
        if (IsRetryable(dropped) || dropped.code() == StatusCode::kCancelled) {
          return refused;
        }
        ++name;  // a database that cannot be dropped (others use it) must not keep the rest
        continue;
      }
      on_target_->erase(target);
      properties_.erase(target);
    }
    // Forgotten last: after a crash the drop is repeated, which succeeds.
    CDC_RETURN_IF_ERROR(parts_.store->RemoveDatabase(parts_.task_id, *name));
    name = replicated_.erase(name);
  }
  parts_.conditions->SetWaiting(
      "drop of databases",
      left.empty() ? OkStatus()
                   : FailedPreconditionError(left + " is left on the target: the source has "
                                                    "dropped it, and perhaps not before stop_at"));
  return refused;
}

// Returns false if a property has to be tried again. The properties of a database concern all of
// its collections, so only a task that covers them all sets them.
bool DatabaseReconciler::AlterAll(const Catalog& catalog) {
  bool complete = true;
  for (const auto& [id, database] : catalog.databases) {
    const std::string target = parts_.scope->TargetDatabase(database->name);
    if (!parts_.scope->CoversAllOf(database->name) || !on_target_->contains(target)) {
      continue;
    }
    std::vector<KeyValue>& applied = properties_[target];
    const std::vector<KeyValue> missing = MissingProperties(database->properties, applied);
    if (missing.empty()) {
      continue;
    }
    const Status altered = parts_.target->Apply(AlterDatabase{target, missing});
    if (altered.code() == StatusCode::kCancelled) {
      return complete;
    }
    if (IsRetryable(altered)) {
      complete = false;
      parts_.conditions->Set("database " + target, altered);
    } else {
      parts_.conditions->SetWaiting("database " + target, altered);
      // Accepted or refused for good (Milvus 2.3 cannot alter a database): not tried again until
      // the source changes them.
      applied = database->properties;
    }
  }
  return complete;
}

}  // namespace cdc
