#pragma once

#include <string>

#include "base/status.h"
#include "metastore/meta_store.h"
#include "model/catalog.h"

namespace cdc {

// Identifies the Milvus that a task replicates. Another Milvus behind the same address has none of
// the task's collections. Without this check all of them would look dropped, and the copy would be
// deleted just when it is needed most.
class SourceIdentity {
 public:
  // `known`: from Catalog::Identity; empty: not known yet. `store` must outlive this.
  SourceIdentity(MetaStore* store, std::string task, std::string known);

  // Stores the identity if none is known yet. kUnavailable: the catalog has no identity at present.
  // kFailedPrecondition: the catalog belongs to another Milvus.
  Status Check(const Catalog& catalog);

 private:
  MetaStore* const store_;
  const std::string task_;
  std::string known_;
};

}  // namespace cdc
