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
  // A new task, or one whose source has shown no identity so far.
  if (known_.empty()) {
    CDC_RETURN_IF_ERROR(store_->PutSource(task_, now));
    known_ = now;
    return OkStatus();
  }
  // Wiped, but not replaced by another Milvus: the task retries, and the target keeps its copy.
  if (now.empty()) {
    return UnavailableError("the source's etcd has no default database: its metadata is gone");
  }
  return FailedPreconditionError(
      "the source is now another Milvus (its default database was created at a different time); "
      "the target is left as it is: bring the old source back and resume the task, or create a new "
      "task for the new source");
}

}  // namespace cdc
