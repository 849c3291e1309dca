#pragma once

#include <memory>

#include "metastore/meta_store.h"
#include "metastore/sealed/secret_keys.h"

namespace cdc {

// `store`, with the passwords and tokens of its tasks encrypted by the first of `keys`. A task that
// was stored in clear is read as it is, and encrypted when it is stored again.
//
// Errors of ListTasks besides the store's: those of SecretKeys::Unseal, with the task's id.
std::unique_ptr<MetaStore> SealSecrets(std::unique_ptr<MetaStore> store, SecretKeys keys);

}  // namespace cdc
