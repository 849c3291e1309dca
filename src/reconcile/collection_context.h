#pragma once

#include <functional>
#include <string>

#include "base/backoff.h"
#include "base/clock.h"
#include "metastore/meta_store.h"
#include "progress/condition_board.h"
#include "reconcile/collection_claims.h"
#include "reconcile/database_reconciler.h"
#include "reconcile/target_view.h"
#include "rows/route_view.h"
#include "rows/row_gates.h"
#include "scope/scope.h"
#include "source/catalog_source.h"
#include "source/log.h"

namespace cdc {

// What the collections of one task share. All of it must outlive them.
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
  bool ignore_partition = false;
  bool sync_index = true;
  bool sync_load = true;
  BackoffOptions retry;
  std::function<void(const Status&)> on_fatal;
  // Makes the name of the target free of the task's other collections, for this one. See
  // NameExchange.
  std::function<Status(CollectionId id, const CollectionName& name)> free_name;
};

// Nothing of the target's collection `name` is in the way of the task any more.
void ClearConditions(ConditionBoard* conditions, const CollectionName& name);

// Drops the aliases of a collection of the target. One that is left behind would hide a later
// collection of its name, and keep some servers from dropping this one.
Status DropAliases(TargetView* target, const CollectionName& name);

}  // namespace cdc
