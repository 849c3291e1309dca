#pragma once

#include <string>
#include <utility>

#include "base/status.h"
#include "model/rows.h"
#include "model/target_collection.h"
#include "reconcile/collection_claims.h"

namespace cdc {

// A task's claim on one collection of the target. One target may have several addresses, and an
// address may be reassigned to another server, so the claim uses the identity the target reports.
//
// Belongs to the reconciler's thread.
class TargetClaim {
 public:
  // `claims` must outlive this.
  TargetClaim(CollectionClaims* claims, std::string task)
      : claims_(claims), task_(std::move(task)) {}

  // Claims the collection `actual`, if the task does not hold it yet, and releases any other. If
  // the target reports no identity for it, `address` and `name` identify it. kUnavailable: another
  // task holds it.
  Status Claim(const TargetCollection& actual,
               const std::string& address,
               const CollectionName& name);
  void Release();

  // Whether another task may have written rows to it that the record does not account for yet.
  bool foreign_rows_pending() const { return foreign_rows_pending_; }
  void ForeignRowsRecorded() { foreign_rows_pending_ = false; }

 private:
  CollectionClaims* const claims_;
  const std::string task_;
  std::string held_;  // empty: nothing
  bool foreign_rows_pending_ = false;
};

}  // namespace cdc
