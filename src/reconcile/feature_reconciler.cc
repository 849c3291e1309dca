#include "reconcile/feature_reconciler.h"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "reconcile/plan/plan.h"

namespace cdc {
namespace {

constexpr int kMaxPlans = 4;  // in case the target never settles
// A refusal usually lasts until somebody changes one of the two sides.
constexpr BackoffOptions kRetry{std::chrono::milliseconds(200), std::chrono::milliseconds(60'000)};

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

int ReplicasOf(const Ddl& ddl) {
  const auto* whole = std::get_if<LoadCollection>(&ddl);
  const auto* parts = std::get_if<LoadPartitions>(&ddl);
  return whole != nullptr ? whole->replicas : parts != nullptr ? parts->replicas : 0;
}

}  // namespace

FeatureReconciler::FeatureReconciler(const CollectionContext* context)
    : context_(context), backoff_(kRetry) {}

// A change may have side effects: Milvus Lite, for example, loads a collection that gets an index.
// So this plans again until nothing is left to do or a plan repeats because the target ignores it.
Status FeatureReconciler::Converge(const Collection& source,
                                   const CollectionName& target,
                                   const std::optional<TargetCollection>& actual,
                                   const std::function<Status()>& reinspect) {
  // Forgets properties that are no longer wanted, so that they are tried if they come back.
  std::erase_if(refused_properties_, [&source](const auto& each) {
    const auto& wanted = source.properties;
    return std::find(wanted.begin(), wanted.end(), each.first) == wanted.end();
  });
  Refused refused;
  std::vector<Ddl> before;
  // Read once: if the copy ends meanwhile, IsDue asks for the rest.
  const bool copying = context_->copies->Contains(source.id);
  for (int round = 0; round < kMaxPlans; ++round) {
    std::vector<Ddl> plan = PlanCollection(source, target, *actual, Options(copying, *actual));
    if (plan.empty()) {
      break;
    }
    if (plan == before) {
      TreatAsSet(plan);
      break;
    }
    for (const Ddl& ddl : plan) {
      CDC_RETURN_IF_ERROR(ApplyStep(ddl, target, &refused));
    }
    CDC_RETURN_IF_ERROR(reinspect());
    before = std::move(plan);
  }
  waiting_for_copy_ = copying ? WhatWaits(source, target, *actual) : "";
  collection_ = source.id;
  ScheduleRetry(refused);
  Report(source, target, std::move(refused));
  return OkStatus();
}

bool FeatureReconciler::IsDue() const {
  return (retry_at_.has_value() && context_->clock->Now() >= *retry_at_) ||
         (!waiting_for_copy_.empty() && !context_->copies->Contains(collection_));
}

// A target that has loaded the collection serves searches: its load state keeps following the
// source. That says nothing about indexes, since a Milvus Lite shows every collection with rows as
// loaded.
PlanOptions FeatureReconciler::Options(bool copying, const TargetCollection& actual) const {
  return {.partitions = !context_->ignore_partition,
          .indexes = context_->sync_index && !(copying && context_->index_after_copy),
          .load = context_->sync_load && (!copying || actual.loaded),
          .refused_replicas = refused_replicas_};
}

// The features that a plan would still change if the copy had ended.
std::string FeatureReconciler::WhatWaits(const Collection& source,
                                         const CollectionName& target,
                                         const TargetCollection& actual) const {
  const auto plan = PlanCollection(source, target, actual, Options(/*copying=*/false, actual));
  const bool index = std::any_of(plan.begin(), plan.end(), [](const Ddl& ddl) {
    return std::holds_alternative<CreateIndex>(ddl) || std::holds_alternative<DropIndex>(ddl);
  });
  const bool load = std::any_of(plan.begin(), plan.end(), [](const Ddl& ddl) {
    return std::holds_alternative<LoadCollection>(ddl) ||
           std::holds_alternative<LoadPartitions>(ddl);
  });
  return index && load ? "index and load" : index ? "index" : load ? "load" : "";
}

// Applies one change of a plan. A refused optional feature is recorded and is not an error, so that
// the other features follow.
Status FeatureReconciler::ApplyStep(const Ddl& ddl,
                                    const CollectionName& target,
                                    Refused* refused) {
  if (const auto* drop = std::get_if<DropAlias>(&ddl); drop != nullptr) {
    // Servers drop an alias by its name alone, and it may have moved to another collection by now.
    CDC_ASSIGN_OR_RETURN(const auto now, context_->target->DescribeCollection(target));
    if (!now.has_value() || !Contains(now->aliases, drop->alias)) {
      return OkStatus();
    }
  }
  const Status applied = context_->target->Apply(ddl);
  const std::string feature = OptionalFeatureOf(ddl);
  if (applied.ok() || IsRetryable(applied) || applied.code() == StatusCode::kCancelled ||
      feature.empty()) {
    return applied;
  }
  refused->try_emplace(feature, applied);
  RecordRefusal(ddl, applied);
  return OkStatus();
}

void FeatureReconciler::RecordRefusal(const Ddl& ddl, const Status& refusal) {
  if (const auto* alter = std::get_if<AlterCollection>(&ddl); alter != nullptr) {
    for (const KeyValue& property : alter->properties) {
      refused_properties_[property] = refusal;
    }
  }
  if (const int replicas = ReplicasOf(ddl); replicas > 1) {
    // The next plan loads one replica instead, so that the collection stays searchable on a target
    // with too few nodes.
    refused_replicas_ = replicas;
    replicas_refusal_ = refusal;
  }
}

// The target accepts these properties but does not show them. A Milvus 2.3.5, for example, stores a
// change only with the next one. Setting them again and again would not help.
void FeatureReconciler::TreatAsSet(const std::vector<Ddl>& plan) {
  for (const Ddl& ddl : plan) {
    if (const auto* alter = std::get_if<AlterCollection>(&ddl); alter != nullptr) {
      for (const KeyValue& property : alter->properties) {
        refused_properties_.try_emplace(property, OkStatus());
      }
    }
  }
}

void FeatureReconciler::AddRefusedProperties(TargetCollection* actual) const {
  for (const auto& [property, status] : refused_properties_) {
    actual->properties.push_back(property);
  }
}

// Properties are not retried until the source changes them, because setting some of them interrupts
// searches each time.
void FeatureReconciler::ScheduleRetry(const Refused& refused) {
  retry_at_.reset();
  if (refused.empty()) {
    backoff_.Reset();
  } else if (refused.size() > 1 || !refused.contains(kPropertiesOf)) {
    retry_at_ = context_->clock->Now() + backoff_.Next();
  }
}

// Also reports earlier refusals that are not retried: the two sides still differ.
void FeatureReconciler::Report(const Collection& source,
                               const CollectionName& target,
                               Refused refused) {
  for (const auto& [property, status] : refused_properties_) {
    if (!status.ok()) {
      refused.try_emplace(kPropertiesOf, status);
    }
  }
  if (refused_replicas_ > 0 && source.load.loaded && source.load.replicas >= refused_replicas_) {
    refused.try_emplace(kSearchOn, replicas_refusal_);
  }
  std::string text;
  for (const std::string& feature : OptionalFeatures()) {
    const std::string part = feature + " " + target.ToString();
    const auto found = refused.find(feature);
    const Status status = found == refused.end() ? OkStatus() : found->second;
    context_->conditions->SetWaiting(part, status);
    text += status.ok() ? "" : part + ": " + status.ToString() + "; ";
  }
  if (!text.empty() && text != logged_) {
    spdlog::warn("task={} {}rows continue", context_->task_id, text);
  }
  logged_ = std::move(text);
}

}  // namespace cdc
