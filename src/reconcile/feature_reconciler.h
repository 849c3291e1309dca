#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/status.h"
#include "model/catalog.h"
#include "model/ddl.h"
#include "model/target_collection.h"
#include "reconcile/collection_context.h"
#include "reconcile/plan/plan.h"

namespace cdc {

// Reconciles the optional features of one collection: properties, aliases, indexes, load state.
// Rows do not wait for them. A refusal is reported, and retried with back-off if the target may
// accept it later.
//
// While the collection's stored rows are copied, its load waits, and so do its indexes unless the
// task wants them before. A collection that the target has loaded already stays loaded.
class FeatureReconciler {
 public:
  // `context` must outlive this.
  explicit FeatureReconciler(const CollectionContext* context);

  // Brings the features of `actual`, the collection `target`, to the state of `source`.
  // `reinspect` updates `actual`.
  Status Converge(const Collection& source,
                  const CollectionName& target,
                  const std::optional<TargetCollection>& actual,
                  const std::function<Status()>& reinspect);

  // Adds the properties that must not be set again, as if the target had taken them.
  void AddRefusedProperties(TargetCollection* actual) const;

  // When to converge again even if nothing changes; nullopt: not at all.
  const std::optional<Clock::TimePoint>& retry_at() const { return retry_at_; }
  // Whether to converge again now: a retry is due, or the copy that was waited for has ended.
  bool IsDue() const;
  // What the last Converge has left out until the collection is copied; empty: nothing.
  const std::string& waiting_for_copy() const { return waiting_for_copy_; }

 private:
  using Refused = std::map<std::string, Status>;  // by feature

  PlanOptions Options(bool copying, const TargetCollection& actual) const;
  std::string WhatWaits(const Collection& source,
                        const CollectionName& target,
                        const TargetCollection& actual) const;
  Status ApplyStep(const Ddl& ddl, const CollectionName& target, Refused* refused);
  void RecordRefusal(const Ddl& ddl, const Status& refusal);
  void TreatAsSet(const std::vector<Ddl>& plan);
  void ScheduleRetry(const Refused& refused);
  void Report(const Collection& source, const CollectionName& target, Refused refused);

  const CollectionContext* const context_;
  // By property, the target's error; ok: the target accepted it but does not show it.
  std::map<KeyValue, Status> refused_properties_;
  int refused_replicas_ = 0;
  Status replicas_refusal_;
  std::string logged_;  // the refusals in the last log line, to log each change once
  Backoff backoff_;
  std::optional<Clock::TimePoint> retry_at_;
  CollectionId collection_;
  std::string waiting_for_copy_;
};

}  // namespace cdc
