#include "metastore/etcd/etcd_owner.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include <spdlog/spdlog.h>

namespace cdc {
namespace {

constexpr int kKeepsPerLease = 4;
constexpr std::chrono::milliseconds kTryAgain{1'000};
// How much earlier than etcd this process considers its lease as ended. What it has begun before
// must be on the target by the time another process begins.
constexpr std::chrono::seconds kMargin{2};

std::chrono::nanoseconds Now() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

EtcdOwner::EtcdOwner(std::unique_ptr<EtcdWriter> etcd, EtcdOwnerOptions options)
    : etcd_(std::move(etcd)), options_(std::move(options)) {}

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
  owner->thread_ = Thread(
      "cdc-lease", [&owner = *owner](const std::stop_token& stopping) { owner.Keep(stopping); });
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
  const std::chrono::nanoseconds asked_at = Now();
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
    SetValid(asked_at);
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

void EtcdOwner::SetValid(std::chrono::nanoseconds asked_at) {
  MutexLock lock(mutex_);
  // etcd counts from when it gets the call, which is later.
  valid_until_ =
      asked_at + std::max<std::chrono::nanoseconds>(lease_.ttl - kMargin, lease_.ttl / 2);
  failure_ = OkStatus();
}

Status EtcdOwner::Check() const {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(lost_);
  if (Now() < valid_until_) {
    return OkStatus();
  }
  return UnavailableError("metastore " + options_.place + ": another server may use it, since " +
                          "the lease could not be kept: " +
                          (failure_.ok() ? "this process was not running" : failure_.message()));
}

Status EtcdOwner::Lose(const std::string& holder) {
  const Status lost =
      FailedPreconditionError("metastore " + options_.place + " has been taken over by " + holder);
  {
    MutexLock lock(mutex_);
    if (!lost_.ok()) {
      return lost_;
    }
    lost_ = lost;
  }
  if (options_.on_lost) {
    options_.on_lost(lost);
  }
  return lost;
}

Status EtcdOwner::Look() {
  CDC_ASSIGN_OR_RETURN(const EtcdRange found, etcd_->Range({.begin = OwnerKey()}, {}, {}));
  if (found.kvs.empty()) {
    return Lose("somebody who has removed its keys");
  }
  return found.kvs[0].mod_revision == revision_ ? OkStatus() : Lose(found.kvs[0].value);
}

void EtcdOwner::Keep(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const Status kept = KeepOnce(stop);
    bool news = false;
    {
      MutexLock lock(mutex_);
      if (!lost_.ok() || stop.stop_requested()) {
        return;
      }
      news = !kept.ok() && failure_ != kept;
      if (!kept.ok()) {
        failure_ = kept;
      }
    }
    if (news) {
      spdlog::warn("metastore {}: the lease cannot be kept, will try again: {}", options_.place,
                   kept.message());
    }
    MutexLock lock(mutex_);
    const std::chrono::milliseconds pause = options_.ttl / kKeepsPerLease;
    wakeup_.WaitFor(lock, stop, kept.ok() ? pause : std::min(pause, kTryAgain),
                    [] { return false; });
  }
}

Status EtcdOwner::KeepOnce(const std::stop_token& stop) {
  const std::chrono::nanoseconds asked_at = Now();
  if (lease_.id != 0) {
    const Status kept = etcd_->KeepLease(lease_.id, stop);
    if (kept.ok()) {
      SetValid(asked_at);
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
