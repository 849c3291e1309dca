#include "reconcile/source_identity.h"

#include <utility>

namespace cdc {

SourceIdentity::SourceIdentity(MetaStore* store, std::string task, std::string known)
    : store_(store), task_(std::move(task)), known_(std::move(known)) {}

Status SourceIdentity::Check(const Catalog& catalog) {
  const std::string now = catalog.Identity();
  if (now == known_) {
    return OkStatus();
  }
  if (known_.empty()) {
    CDC_RETURN_IF_ERROR(store_->PutSource(task_, now));
    known_ = now;
    return OkStatus();
  }
  if (now.empty()) {
    return UnavailableError("the source's etcd holds no default database: its metadata is gone");
  }
  return FailedPreconditionError(
      "the source is another Milvus than the one this task has replicated (its default database "
      "was made at another time); the target is left as it is: create a new task for the new "
      "source");
}

}  // namespace cdc
