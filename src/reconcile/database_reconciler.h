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

namespace cdc {

// Makes the target's databases follow the source's. Databases that only some collections are mapped
// to are made with these collections (Ensure), and are never dropped.
//
// Belongs to the reconciler's thread.
class DatabaseReconciler {
 public:
  struct Parts {
    std::string task_id;
    MetaStore* store;
    const Scope* scope;
    ConditionBoard* conditions;
    TargetView* target;
  };

  // All parts must outlive this. `replicated`: the source's databases that the store knows.
  DatabaseReconciler(Parts parts, const std::vector<std::string>& replicated);

  // Connects to the target unless it is known what databases it has, and makes those that the
  // source has. After an error nothing is known of the target any more.
  Status Refresh(const Catalog& catalog);

  // Makes one database of the target unless it is there.
  Status Ensure(const std::string& name);

  // Drops what the source has no more, once no collection of the task is `in_use` there, and passes
  // properties on. Rows do not wait for either: a refusal is only reported. Returns whether
  // something is to be tried again soon.
  using InUse = std::function<bool(const std::string& target)>;
  bool DropAndAlter(const Catalog& catalog, const InUse& in_use);

  // The target may have changed: nothing that is known of it counts any more.
  void ForgetTarget() { on_target_.reset(); }
  bool knows_target() const { return on_target_.has_value(); }

 private:
  Status ListOnTarget();
  Status EnsureAll(const Catalog& catalog);
  bool IsNeeded(const std::string& target, const std::string& gone, const Catalog& catalog) const;
  Status DropGone(const Catalog& catalog, const InUse& in_use);
  bool AlterAll(const Catalog& catalog);

  const Parts parts_;
  std::optional<std::set<std::string>> on_target_;  // nullopt: not known
  std::set<std::string> replicated_;                // of the source, as the store has them
  // By database of the target: the properties that it was given in this run, or has refused.
  std::map<std::string, std::vector<KeyValue>> properties_;
};

}  // namespace cdc
