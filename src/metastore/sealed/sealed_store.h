#pragma once

#include <memory>

#include "metastore/meta_store.h"
#include "metastore/sealed/secret_keys.h"

namespace cdc {

// `store`, with the passwords and tokens of its tasks encrypted by the first of `keys`: what is
// stored otherwise, in clear or by another key, is stored again at once. Without keys nothing is
// encrypted, but whoever has lost them is told.
//
// Errors besides the store's: those of SecretKeys::Unseal, with the task's id.
Result<std::unique_ptr<MetaStore>> SealSecrets(std::unique_ptr<MetaStore> store, SecretKeys keys);

// Whether the secrets of a task, as they are stored, can be read. Errors: see SecretKeys::Unseal.
Status CheckSecrets(const TaskRecord& stored, const SecretKeys& keys);

}  // namespace cdc
