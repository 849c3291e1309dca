#pragma once

#include <string>

#include "base/status.h"
#include "metastore/meta_store.h"
#include "model/catalog.h"

namespace cdc {

// Which Milvus a task replicates. Another one behind the same address has none of the task's
// collections: without this check all of them would look dropped, and the copy would be removed
// when it is needed most.
class SourceIdentity {
 public:
  // `known`: as of Catalog::Identity; empty: not known yet. `store` must outlive this.
  SourceIdentity(MetaStore* store, std::string task, std::string known);

  // Learns the identity if it is not known. kUnavailable: the source does not show it now.
  // kFailedPrecondition: the catalog is of another Milvus.
  Status Check(const Catalog& catalog);

 private:
  MetaStore* const store_;
  const std::string task_;
  std::string known_;
};

}  // namespace cdc
