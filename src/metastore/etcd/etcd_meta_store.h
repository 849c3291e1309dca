#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "etcd/etcd_client.h"
#include "metastore/meta_store.h"
#include "metastore/new_store.h"

namespace cdc {

struct EtcdMetaStoreOptions {
  EtcdOptions etcd{};
  std::string root_path{};  // the store is below <root_path>/milvus-cdc/
  std::string name{};       // who this server is, for the messages of others
  std::chrono::seconds lease_ttl{8};
  NewStore if_new = NewStore::kTakeOver;
  // Called once, on any thread, when another server has taken the store over. From then on all
  // calls fail.
  std::function<void(const Status&)> on_lost{};
  const Clock* clock = &Clock::Real();
};

// A page of values that are as large as they may be is 25 MiB.
inline constexpr int64_t kEtcdStorePageKeys = 100;

// For messages: where the keys below `base` are.
std::string EtcdPlaceOf(const EtcdOptions& etcd, const std::string& base);

// Waits until no other server uses the store, see EtcdOwner::Become; kCancelled if it is stopped
// meanwhile. A new store begins with what the earlier program has stored below the same root path.
// kInvalidArgument: the options.
Result<std::unique_ptr<MetaStore>> OpenEtcdMetaStore(EtcdMetaStoreOptions options,
                                                     const std::stop_token& stop);

}  // namespace cdc
