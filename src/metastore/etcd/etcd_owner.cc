#include "metastore/etcd/etcd_owner.h"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

namespace cdc {
namespace {

constexpr std::chrono::milliseconds kTryAgain{1'000};

}  // namespace

EtcdOwner::EtcdOwner(std::unique_ptr<EtcdWriter> etcd, EtcdOwnerOptions options)
    : etcd_(std::move(etcd)),
      options_(std::move(options)),
      ownership_(options_.place, options_.on_lost) {}

Result<std::unique_ptr<EtcdOwner>> EtcdOwner::Become(std::unique_ptr<EtcdWriter> etcd,
                                                     EtcdOwnerOptions options,
                                                     const std::stop_token& stop) {
  std::unique_ptr<EtcdOwner> owner(new EtcdOwner(std::move(etcd), std::move(options)));
  std::string holder;
  std::string trouble;
  for (;;) {
    const Result<bool> done = owner->TryToBecome(stop);
    Status failure = done.status();
    if (done.ok() && *done) {
      break;
    }
    if (done.ok()) {
      failure = owner->AwaitUnlocked(&holder, stop);
    }
    if (stop.stop_requested()) {
      return CancelledError("stopped while another server uses the store");
    }
    if (failure.ok()) {
      continue;
    }
    if (holder.empty()) {
      return failure;
    }
    if (trouble != failure.message()) {
      trouble = failure.message();
      spdlog::warn("metastore {}: standing by, {}", owner->options_.place, trouble);
    }
    Pause(kTryAgain, stop);
  }
  owner->thread_ = Thread("cdc-lease", [&owner = *owner](const std::stop_token& stopping) {
    owner.ownership_.Keep(
        owner.options_.ttl,
        [&owner](const std::stop_token& stopped) { return owner.KeepOnce(stopped); }, stopping);
  });
  return owner;
}

EtcdOwner::~EtcdOwner() {
  thread_.RequestStop();
  thread_.Join();
  if (lease_.id != 0) {
    // If it fails, the lease ends by itself.
    const Status revoked = etcd_->RevokeLease(lease_.id, {});
    if (!revoked.ok() && revoked.code() != StatusCode::kNotFound) {
      spdlog::warn("metastore {}: another server has to wait for the end of the lease: {}",
                   options_.place, revoked.message());
    }
  }
}

Result<bool> EtcdOwner::TakeLock(const EtcdTxn::Unchanged* condition, const std::stop_token& stop) {
  const std::chrono::nanoseconds asked_at = Ownership::Now();
  CDC_ASSIGN_OR_RETURN(lease_, etcd_->GrantLease(options_.ttl, stop));
  EtcdTxn txn{.conditions = {{.key = LockKey()}},
              .puts = {{.key = LockKey(), .value = options_.name, .lease = lease_.id}}};
  if (condition != nullptr) {
    txn.conditions.push_back(*condition);
  } else {
    txn.puts.push_back({.key = OwnerKey(), .value = options_.name});
  }
  const Result<EtcdTxnResult> result = etcd_->Txn(txn, stop);
  if (result.ok() && result->succeeded) {
    if (condition == nullptr) {
      revision_ = result->revision;
    }
    ownership_.Renewed(asked_at, lease_.ttl);
    return true;
  }
  // Also a lock that was taken although the answer is missing goes with its lease; if that cannot
  // be revoked now, it ends by itself.
  const Status revoked = etcd_->RevokeLease(lease_.id, {});
  lease_ = {};
  CDC_RETURN_IF_ERROR(result.status());
  CDC_RETURN_IF_ERROR(revoked);
  return false;
}

Result<bool> EtcdOwner::TryToBecome(const std::stop_token& stop) {
  CDC_ASSIGN_OR_RETURN(const EtcdRange lock,
                       etcd_->Range({.begin = LockKey()}, {.keys_only = true}, stop));
  return lock.kvs.empty() ? TakeLock(nullptr, stop) : Result<bool>(false);
}

Status EtcdOwner::AwaitUnlocked(std::string* last_holder, const std::stop_token& stop) {
  CDC_ASSIGN_OR_RETURN(const EtcdRange lock, etcd_->Range({.begin = LockKey()}, {}, stop));
  if (lock.kvs.empty()) {
    return OkStatus();
  }
  const std::string& holder = lock.kvs[0].value;
  if (*last_holder != holder) {
    *last_holder = holder;
    spdlog::info("metastore {} is used by {}: standing by until that one ends", options_.place,
                 holder);
  }
  CDC_ASSIGN_OR_RETURN(const std::unique_ptr<EtcdWatch> watch,
                       etcd_->Watch({.begin = LockKey()}, lock.revision + 1, stop));
  for (;;) {
    CDC_ASSIGN_OR_RETURN(const WatchBatch batch, watch->Next(kTryAgain, stop));
    if (std::any_of(batch.events.begin(), batch.events.end(),
                    [](const EtcdEvent& event) { return event.deleted; })) {
      return OkStatus();
    }
  }
}

Status EtcdOwner::Look() {
  CDC_ASSIGN_OR_RETURN(const EtcdRange found, etcd_->Range({.begin = OwnerKey()}, {}, {}));
  if (found.kvs.empty()) {
    return ownership_.Lose("somebody who has removed its keys");
  }
  return found.kvs[0].mod_revision == revision_ ? OkStatus() : ownership_.Lose(found.kvs[0].value);
}

Status EtcdOwner::KeepOnce(const std::stop_token& stop) {
  const std::chrono::nanoseconds asked_at = Ownership::Now();
  if (lease_.id != 0) {
    const Status kept = etcd_->KeepLease(lease_.id, stop);
    if (kept.ok()) {
      ownership_.Renewed(asked_at, lease_.ttl);
      return OkStatus();
    }
    if (kept.code() != StatusCode::kNotFound) {
      return kept;
    }
    lease_ = {};
  }
  CDC_RETURN_IF_ERROR(Look());
  const EtcdTxn::Unchanged fence = Fence();
  CDC_ASSIGN_OR_RETURN(const bool taken, TakeLock(&fence, stop));
  if (taken) {
    spdlog::info("metastore {}: the lease had ended, this server has taken it again",
                 options_.place);
    return OkStatus();
  }
  CDC_RETURN_IF_ERROR(Look());
  return UnavailableError("an earlier lock of this server is still there");
}

}  // namespace cdc
