#pragma once

#include <string>
#include <utility>

#include "base/status.h"
#include "model/rows.h"
#include "model/target_collection.h"
#include "reconcile/collection_claims.h"

namespace cdc {

// A task's claim of one collection of the target. One target may have several addresses, and an
// address may come to mean another server, so the claim follows what the target shows.
//
// Belongs to the reconciler's thread.
class TargetClaim {
 public:
  // `claims` must outlive this.
  TargetClaim(CollectionClaims* claims, std::string task)
      : claims_(claims), task_(std::move(task)) {}

  // Claims the collection that the target shows under `name`, if the task does not have it yet, and
  // lets go of another one. Where the target gives it no identity, `address` and name have to do.
  // kUnavailable: another task has it.
  Status Claim(const TargetCollection& actual,
               const std::string& address,
               const CollectionName& name);
  void Release();

  // Whether another task may have written rows of it that are not yet reckoned with.
  bool foreign_rows_pending() const { return foreign_rows_pending_; }
  void ForeignRowsRecorded() { foreign_rows_pending_ = false; }

 private:
  CollectionClaims* const claims_;
  const std::string task_;
  std::string held_;  // empty: none
  bool foreign_rows_pending_ = false;
};

}  // namespace cdc
