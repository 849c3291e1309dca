#include "reconcile/collection_context.h"

#include <vector>

#include "reconcile/plan/plan.h"

namespace cdc {

Result<bool> IsStillInTime(const Scope& scope,
                           CatalogSource* catalog,
                           const std::stop_token& stop) {
  if (scope.stop_at() == Timestamp{}) {
    return true;
  }
  CDC_ASSIGN_OR_RETURN(const Timestamp present, catalog->Present(stop));
  return present <= scope.stop_at();
}

void ClearConditions(ConditionBoard* conditions, const CollectionName& name) {
  const std::string of = " " + name.ToString();
  conditions->Set("collection" + of, OkStatus());
  conditions->SetWaiting("rename of" + of, OkStatus());
  conditions->SetWaiting("drop of" + of, OkStatus());
  for (const std::string& feature : OptionalFeatures()) {
    conditions->SetWaiting(feature + of, OkStatus());
  }
}

// Reads the aliases from the target: what an earlier description says may be out of date.
Status DropAliases(TargetView* target, const CollectionName& name) {
  CDC_ASSIGN_OR_RETURN(const auto now, target->DescribeCollection(name));
  for (const std::string& alias : now.has_value() ? now->aliases : std::vector<std::string>{}) {
    CDC_RETURN_IF_ERROR(target->Apply(DropAlias{name, alias}));
  }
  return OkStatus();
}

}  // namespace cdc
