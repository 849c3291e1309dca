#include "reconcile/target_claim.h"

namespace cdc {

Status TargetClaim::Claim(const TargetCollection& actual,
                          const std::string& address,
                          const CollectionName& name) {
  const std::string collection =
      actual.identity.empty() ? address + "/" + name.ToString() : actual.identity;
  if (collection == held_) {
    return OkStatus();
  }
  Release();
  // A denied claim counts too: the holder writes rows meanwhile, whoever releases it.
  const CollectionClaims::Outcome claim = claims_->Claim(collection, task_);
  foreign_rows_pending_ = foreign_rows_pending_ || claim.taken_over || claim.holder.has_value();
  if (claim.holder.has_value()) {
    return UnavailableError("task " + *claim.holder +
                            " writes this collection already, perhaps through another address of "
                            "the target: pause or delete one of the two tasks (a Milvus whose etcd "
                            "is a copy of the other's counts as the same)");
  }
  held_ = collection;
  return OkStatus();
}

void TargetClaim::Release() {
  if (!held_.empty()) {
    claims_->Release(held_, task_);
    held_.clear();
  }
}

}  // namespace cdc
