#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "metastore/meta_store.h"
#include "model/catalog.h"
#include "progress/condition_board.h"
#include "reconcile/target_view.h"
#include "scope/scope.h"
#include "source/catalog_source.h"

namespace cdc {

// Makes the target's databases follow the source's. A database that is the target of individually
// mapped collections only is created with the first of them (Ensure) and never dropped.
//
// Belongs to the reconciler's thread.
class DatabaseReconciler {
 public:
  struct Parts {
    std::string task_id;
    CatalogSource* catalog;
    MetaStore* store;
    const Scope* scope;
    ConditionBoard* conditions;
    TargetView* target;
  };

  // All parts must outlive this. `replicated`: the source databases recorded in the store.
  DatabaseReconciler(Parts parts, const std::vector<std::string>& replicated);

  // Connects to the target if its databases are not known, and creates those that it lacks. An
  // error forgets the target, so the next call connects again.
  Status Refresh(const Catalog& catalog);

  // Creates one database on the target if it does not exist.
  Status Ensure(const std::string& name);

  // Drops databases that are gone from the source (but see IsStillInTime), once `in_use` says that
  // the task has no collection left in them, and passes on properties. Rows do not wait for either;
  // a refusal is only reported. Returns whether to call this again soon.
  using InUse = std::function<bool(const std::string& target)>;
  bool DropAndAlter(const Catalog& catalog, const InUse& in_use);

  // The target may have changed: forgets everything known about it.
  void ForgetTarget() { on_target_.reset(); }
  bool knows_target() const { return on_target_.has_value(); }

 private:
  Status ListOnTarget();
  Status EnsureAll(const Catalog& catalog);
  bool IsNeeded(const std::string& target, const std::string& gone, const Catalog& catalog) const;
  Status DropGone(const Catalog& catalog, const InUse& in_use);
  bool AlterAll(const Catalog& catalog);

  const Parts parts_;
  std::optional<std::set<std::string>> on_target_;  // nullopt: unknown
  std::set<std::string> replicated_;                // source databases, as recorded in the store
  bool too_late_ = false;  // what is dropped now is left, see IsStillInTime
  // By target database: the properties it was given or refused in this run.
  std::map<std::string, std::vector<KeyValue>> properties_;
};

}  // namespace cdc
