#pragma once

#include <functional>
#include <set>
#include <stop_token>
#include <string>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/status.h"
#include "metastore/meta_store.h"
#include "progress/condition_board.h"
#include "reconcile/collection_claims.h"
#include "reconcile/copies_in_progress.h"
#include "reconcile/database_reconciler.h"
#include "reconcile/target_view.h"
#include "rows/route_view.h"
#include "rows/row_gates.h"
#include "scope/scope.h"
#include "source/catalog_source.h"
#include "source/log.h"

namespace cdc {

// Shared by all collections of one task. Everything in it must outlive them.
struct CollectionContext {
  std::string task_id;
  CatalogSource* catalog;
  Log* log;
  MetaStore* store;
  const Scope* scope;
  RowGates* gates;
  RouteView* routes;
  ConditionBoard* conditions;
  CollectionClaims* claims;
  const Clock* clock;
  TargetView* target;
  DatabaseReconciler* databases;
  std::string target_address;
  std::set<CollectionId> set_aside;  // those that are left as they are
  const CopiesInProgress* copies;
  bool ignore_partition = false;
  bool sync_index = true;
  bool sync_load = true;
  bool index_after_copy = true;  // indexes wait for a copy; a load always does
  BackoffOptions retry;
  std::function<void(CollectionId, const Status&)> on_collection_failed;
  // Frees `name` on the target of the task's other collections, so that `id` can use it. See
  // NameExchange.
  std::function<Status(CollectionId id, const CollectionName& name)> free_name;
};

// Whether what the source has removed by now was removed up to the task's `stop_at`. The catalog
// does not date a removal: it is known only of one that is seen before the source has reached that
// time. Always true for a task without an end. Errors: see CatalogSource::Present.
Result<bool> IsStillInTime(const Scope& scope, CatalogSource* catalog, const std::stop_token& stop);

// Clears every condition of the target's collection `name`.
void ClearConditions(ConditionBoard* conditions, const CollectionName& name);

// Drops all aliases of a collection on the target. An alias left behind would hide a later
// collection with its name, and some servers refuse to drop a collection that has aliases.
Status DropAliases(TargetView* target, const CollectionName& name);

}  // namespace cdc
