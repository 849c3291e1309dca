#pragma once

#include <functional>
#include <memory>
#include <stop_token>

#include "base/status.h"
#include "metastore/meta_store.h"
#include "metastore/new_store.h"
#include "metastore/sealed/secret_keys.h"
#include "server/config.h"

namespace cdc {

// The keys with which the store's secrets are encrypted; none without a key file.
Result<SecretKeys> ReadStoreKeys(const MetaStoreConfig& store);

// Opens the configured store; the secrets of its tasks are encrypted if there is a key file. While
// another server uses one in etcd or MySQL, waits for its end; kCancelled: stopped meanwhile.
// `on_lost` is called at most once, on any thread, if another server takes the store over later.
Result<std::unique_ptr<MetaStore>> OpenMetaStore(const Config& config,
                                                 std::function<void(const Status&)> on_lost,
                                                 const std::stop_token& stop,
                                                 NewStore if_new = NewStore::kTakeOver);

}  // namespace cdc
