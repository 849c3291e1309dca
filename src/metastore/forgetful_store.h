#pragma once

#include <memory>
#include <string>

#include "metastore/meta_store.h"

namespace cdc {

// What another store holds, to be read only, for dry runs: every change succeeds, and nothing is
// stored, so a task that runs on it begins where it began before. Only what ReplaceProgress says of
// a task is remembered, in memory, since it is what lets a task go on that was interrupted, and how
// far the copies of such a task are.
class ForgetfulStore : public MetaStore {
 public:
  // Forgets what ReplaceProgress said of a task.
  virtual void Forget(const std::string& task_id) = 0;
};

// `store` must outlive it.
std::unique_ptr<ForgetfulStore> NewForgetfulStore(MetaStore* store);

}  // namespace cdc
