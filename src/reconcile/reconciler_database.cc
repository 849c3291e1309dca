#include <algorithm>
#include <utility>

#include "reconcile/plan_properties.h"
#include "reconcile/reconciler.h"
#include "reconcile/target_identity.h"

// How the reconciler keeps the target's databases.
namespace cdc {
namespace {

constexpr std::chrono::milliseconds kConnectTimeout{5'000};

}  // namespace

Status Reconciler::ConnectTarget() {
  if (target_databases_.has_value()) {
    return OkStatus();
  }
  MetadataSink& metadata = parts_.target->metadata();
  CDC_ASSIGN_OR_RETURN(const MetadataSink::Connected connected,
                       metadata.Connect(kConnectTimeout, stop_));
  CDC_RETURN_IF_ERROR(CheckTargetIdentity(parts_.target_identity, connected.identity));
  traits_ = connected.traits;
  parts_.on_connected(connected.version);
  auto listed = metadata.catalog()->ListDatabases(stop_);
  if (listed.status().code() == StatusCode::kUnimplemented) {
    listed = std::vector<std::string>{kDefaultDatabase};  // a target from before databases
  }
  CDC_RETURN_IF_ERROR(listed.status());
  target_databases_.emplace(listed->begin(), listed->end());
  return OkStatus();
}

// Of the source's databases; those that only some collections are mapped to are made with them.
Status Reconciler::RefreshDatabases(const Catalog& catalog) {
  CDC_RETURN_IF_ERROR(ConnectTarget());
  for (const auto& [id, database] : catalog.databases) {
    const std::string& name = database->name;
    if (name == kDefaultDatabase || !parts_.scope->CoversDatabase(name)) {
      continue;
    }
    if (!source_databases_.contains(name)) {
      CDC_RETURN_IF_ERROR(parts_.store->PutDatabase(parts_.task_id, name));
      source_databases_.insert(name);
    }
    CDC_RETURN_IF_ERROR(EnsureDatabase(parts_.scope->TargetDatabase(name)));
  }
  return OkStatus();
}

Status Reconciler::EnsureDatabase(const std::string& name) {
  if (name != kDefaultDatabase && !target_databases_->contains(name)) {
    CDC_RETURN_IF_ERROR(Apply(CreateDatabase{name}));
    target_databases_->insert(name);
  }
  return OkStatus();
}

// Whether a database of the target has to stay when `gone` of the source is no more.
bool Reconciler::NeedsDatabase(const std::string& target,
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

Status Reconciler::DropDatabases(const Catalog& catalog) {
  std::set<std::string> existing;
  for (const auto& [id, database] : catalog.databases) {
    existing.insert(database->name);
  }
  for (auto name = source_databases_.begin(); name != source_databases_.end();) {
    const std::string target = parts_.scope->TargetDatabase(*name);
    const bool needed = NeedsDatabase(target, *name, catalog);
    const bool in_use = std::any_of(entries_.begin(), entries_.end(), [&](const auto& each) {
      return each.second.target.database == target;
    });
    if (existing.contains(*name) || (in_use && !needed)) {
      ++name;
      continue;
    }
    if (!needed) {
      CDC_RETURN_IF_ERROR(Apply(DropDatabase{target}));
      target_databases_->erase(target);
      database_properties_.erase(target);
    }
    CDC_RETURN_IF_ERROR(parts_.store->RemoveDatabase(parts_.task_id, *name));
    name = source_databases_.erase(name);
  }
  return OkStatus();
}

// Their properties; a target that does not take them keeps nobody waiting.
void Reconciler::AlterDatabases(const Catalog& catalog) {
  for (const auto& [id, database] : catalog.databases) {
    const std::string target = parts_.scope->TargetDatabase(database->name);
    if (!parts_.scope->CoversAllOf(database->name) || !target_databases_->contains(target)) {
      continue;
    }
    std::vector<KeyValue>& applied = database_properties_[target];
    const std::vector<KeyValue> missing = MissingProperties(database->properties, applied);
    if (missing.empty()) {
      continue;
    }
    const Status altered = Apply(AlterDatabase{target, missing});
    if (altered.code() == StatusCode::kCancelled) {
      return;
    }
    const bool passing = IsRetryable(altered);
    database_refused_ = database_refused_ || passing;
    if (passing) {
      parts_.conditions->Set("database " + target, altered);
    } else {
      parts_.conditions->SetWaiting("database " + target, altered);
      applied = database->properties;  // taken or refused: not tried again before they change
    }
  }
}

}  // namespace cdc
