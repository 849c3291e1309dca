#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

#include "base/status.h"
#include "base/thread.h"
#include "etcd/etcd_writer.h"
#include "metastore/records/ownership.h"

namespace cdc {

struct EtcdOwnerOptions {
  std::string base{};   // of its keys: `lock` and `owner`
  std::string place{};  // for messages: where the store is
  std::string name{};   // for messages: who this process is
  std::chrono::seconds ttl{8};
  // Called once, on any thread, when another process has taken the store over.
  std::function<void(const Status&)> on_lost{};
};

// One process at a time owns the keys below `base`. It is the one whose lock is there, a key that
// goes with its lease, and to take the lock is to write `owner`: the revision of that write is the
// fencing token. Each transaction of an owner compares it, so that nothing of an earlier owner can
// be written any more, whatever it believes. If the lease has ended and nobody else has become
// owner (etcd was away), the owner takes the lock again and goes on.
//
// Thread-safe. Its thread keeps the lease.
class EtcdOwner {
 public:
  // Returns when this process is the owner. While another one is, logs which, and waits for its
  // end: at most `ttl` and a second if it dies. kCancelled: stopped meanwhile. Others: etcd cannot
  // be used; while it waits it tries again instead.
  static Result<std::unique_ptr<EtcdOwner>> Become(std::unique_ptr<EtcdWriter> etcd,
                                                   EtcdOwnerOptions options,
                                                   const std::stop_token& stop);
  // Gives the lock up, so that another process need not wait.
  ~EtcdOwner();
  EtcdOwner(const EtcdOwner&) = delete;
  EtcdOwner& operator=(const EtcdOwner&) = delete;

  // The condition that each transaction must have.
  EtcdTxn::Unchanged Fence() const { return {OwnerKey(), revision_}; }

  // Names this owner and no other, for ever.
  std::string Id() const { return std::to_string(revision_); }

  // As MetaStore::CheckOwned: whether the lease has certainly not ended.
  Status Check() const { return ownership_.Check(); }

  // Looks who owns the keys; kFailedPrecondition if it is not this process any more.
  Status Look();

 private:
  EtcdOwner(std::unique_ptr<EtcdWriter> etcd, EtcdOwnerOptions options);

  std::string LockKey() const { return options_.base + "lock"; }
  std::string OwnerKey() const { return options_.base + "owner"; }
  // Whether the lock has been taken with a new lease, if `condition` holds.
  Result<bool> TakeLock(const EtcdTxn::Unchanged* condition, const std::stop_token& stop);
  Result<bool> TryToBecome(const std::stop_token& stop);
  Status AwaitUnlocked(std::string* last_holder, const std::stop_token& stop);
  Status KeepOnce(const std::stop_token& stop);

  const std::unique_ptr<EtcdWriter> etcd_;
  const EtcdOwnerOptions options_;
  EtcdLease lease_;       // of the thread, once it runs
  int64_t revision_ = 0;  // of the key `owner`; set once
  Ownership ownership_;
  Thread thread_;  // nothing may be declared after it: it uses what is above
};

}  // namespace cdc
