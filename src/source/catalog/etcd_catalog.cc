#include "source/catalog/etcd_catalog.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include <spdlog/spdlog.h>

#include "base/mutex.h"
#include "base/thread.h"
#include "source/catalog/catalog_builder.h"
#include "source/catalog/catalog_builder_key.h"
#include "source/catalog/etcd_catalog_listeners.h"
#include "source/catalog/etcd_catalog_roots.h"
#include "source/catalog/shared_sync.h"

namespace cdc {
namespace {

// How often an idle watch wakes up; a stop wakes it at once.
constexpr std::chrono::minutes kIdleWait{1};

std::string Folder(const std::string& path) {
  return path.empty() || path.ends_with('/') ? path : path + "/";
}

std::string MetaRoot(const EtcdCatalogOptions& options) {
  return Folder(options.root_path) + Folder(options.meta_sub_path);
}

// The key of the upper limit of the source's clock: Unix nanoseconds, 8 bytes big-endian, always
// raised before the clock reaches it. (Not below metaSubPath.)
std::string ClockKey(const EtcdCatalogOptions& options) {
  return Folder(options.root_path) + "kv/gid/timestamp";
}

Result<Timestamp> ReadClock(const std::string& value) {
  constexpr int64_t kNsPerMs = 1'000'000;
  uint64_t ns = 0;
  if (value.size() != sizeof(ns)) {
    return DataLossError("the source's clock has " + std::to_string(value.size()) + " bytes");
  }
  for (const char c : value) {
    ns = ns << 8 | static_cast<unsigned char>(c);
  }
  return Timestamp::FromUnixMs(static_cast<int64_t>(ns / kNsPerMs) + 1);
}

class WatchedCatalog final : public EtcdCatalog {
 public:
  WatchedCatalog(EtcdCatalogOptions options, std::unique_ptr<EtcdClient> client)
      : options_(std::move(options)),
        client_(std::move(client)),
        meta_root_(MetaRoot(options_)),
        ranges_(CatalogListRanges(meta_root_)),
        builder_(meta_root_) {}

  // Call it once, before anything else.
  Status Start() {
    Status listed = List({});
    // One compaction in the middle of a list is bad luck; three in a row are something else.
    for (int i = 0; i < 2 && listed.code() == StatusCode::kOutOfRange; ++i) {
      listed = List({});
    }
    CDC_RETURN_IF_ERROR(listed);
    SetHealth(OkStatus());
    thread_ = Thread("catalog", [this](const std::stop_token& stop) { Run(stop); });
    return OkStatus();
  }

  std::shared_ptr<const Catalog> Current() const override {
    MutexLock lock(mutex_);
    return catalog_;
  }

  Result<std::shared_ptr<const Catalog>> Sync(const std::stop_token& stop) override {
    return sync_.Call(stop, [this](const std::stop_token& token) { return SyncNow(token); });
  }

  Result<Timestamp> Present(const std::stop_token& stop) override {
    const std::string key = ClockKey(options_);
    CDC_ASSIGN_OR_RETURN(const EtcdRange found, client_->Range({.begin = key}, {}, stop));
    if (found.kvs.empty()) {
      return NotFoundError("the source's etcd holds no clock: " + key);
    }
    return ReadClock(found.kvs.front().value);
  }

  std::unique_ptr<Subscription> Subscribe(Listener listener) override {
    return listeners_->Add(std::move(listener));
  }

  EtcdCatalogHealth health() const override {
    MutexLock lock(mutex_);
    return health_;
  }

 private:
  Result<std::shared_ptr<const Catalog>> SyncNow(const std::stop_token& stop);
  void Run(const std::stop_token& stop);
  Status Follow(const std::stop_token& stop);
  Status List(const std::stop_token& stop);
  void Apply(const WatchBatch& batch);
  void Publish(int64_t revision, const std::vector<Status>& errors);
  void SetHealth(const Status& status);
  void WaitBeforeRetry(const std::stop_token& stop);

  const EtcdCatalogOptions options_;
  const std::unique_ptr<EtcdClient> client_;
  const std::string meta_root_;
  const std::vector<KeyRange> ranges_;
  const std::shared_ptr<CatalogListeners> listeners_ = std::make_shared<CatalogListeners>();

  // Used by the thread (and by Start before it exists).
  CatalogBuilder builder_;
  Backoff backoff_{options_.reconnect};
  bool must_list_ = false;
  std::optional<bool> logged_ok_;  // the state that was logged last

  SharedSync sync_;

  mutable Mutex mutex_;
  CondVar changed_;
  std::shared_ptr<const Catalog> catalog_ CDC_GUARDED_BY(mutex_);
  int64_t revision_ CDC_GUARDED_BY(mutex_) = 0;  // `catalog_` holds everything at or below it
  int64_t keys_ CDC_GUARDED_BY(mutex_) = 0;      // in etcd at that revision
  bool retry_now_ CDC_GUARDED_BY(mutex_) = false;
  EtcdCatalogHealth health_ CDC_GUARDED_BY(mutex_);

  Thread thread_;  // nothing may be declared after it: it is joined first
};

// Sync must know when the watch has delivered everything that was committed. A progress request on
// the watch would tell, but etcd before 3.4.25 (Debian has .23) and 3.5.8 answers it ahead of
// events it covers; and we must not write a marker into the source's etcd. So we ask, at one
// revision R, how many keys our ranges hold and which of them is the newest, M. Our state at some
// revision r is complete as soon as
//   r >= R, or
//   r >= M and it has as many keys.
// The second is not a guess. Suppose r >= M, r < R, and something changed between r and R. No put
// from that time survives at R (its key would be newer than r, hence than M). So every key at R is
// unchanged since r, and every key changed since r is gone at R; if the number of keys is the same,
// none was changed.
Result<std::shared_ptr<const Catalog>> WatchedCatalog::SyncNow(const std::stop_token& stop) {
  auto summary = client_->Summarize(ranges_, stop);
  if (summary.status().code() == StatusCode::kOutOfRange) {
    summary = client_->Summarize(ranges_, stop);  // a compaction came in between
  }
  CDC_RETURN_IF_ERROR(summary.status().code() == StatusCode::kOutOfRange
                          ? UnavailableError(summary.status().message())
                          : summary.status());
  const RangeSummary now = *summary;
  MutexLock lock(mutex_);
  retry_now_ = true;  // etcd answers: no reason to sit out a backoff
  changed_.NotifyAll();
  const bool reached = changed_.WaitFor(lock, stop, options_.sync_timeout, [&] {
    return revision_ >= now.revision || (revision_ >= now.newest_mod_revision && keys_ == now.keys);
  });
  if (reached) {
    return catalog_;
  }
  if (stop.stop_requested()) {
    return CancelledError("stopped");
  }
  return DeadlineExceededError("the catalog has not reached the source's etcd: revision " +
                               std::to_string(revision_) + " < " + std::to_string(now.revision) +
                               (health_.status.ok() ? "" : "; " + health_.status.message()));
}

void WatchedCatalog::Run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const Status status = must_list_ ? List(stop) : Follow(stop);
    if (status.ok()) {
      continue;
    }
    if (stop.stop_requested()) {
      return;
    }
    must_list_ = must_list_ || status.code() == StatusCode::kOutOfRange;
    SetHealth(status);
    WaitBeforeRetry(stop);
  }
}

// Returns when the watch has ended. OK: list, then follow again.
Status WatchedCatalog::Follow(const std::stop_token& stop) {
  int64_t next = 0;
  {
    MutexLock lock(mutex_);
    next = revision_ + 1;
  }
  CDC_ASSIGN_OR_RETURN(std::unique_ptr<EtcdWatch> watch,
                       client_->Watch(CatalogWatchRange(meta_root_), next, stop));
  if (watch->StoreRevision() < next - 1) {
    // Restored from a backup or created anew: its revisions mean something else.
    must_list_ = true;
    return UnavailableError("etcd has gone back: its revision is " +
                            std::to_string(watch->StoreRevision()) + " < " +
                            std::to_string(next - 1));
  }
  backoff_.Reset();
  SetHealth(OkStatus());
  while (true) {
    CDC_ASSIGN_OR_RETURN(WatchBatch batch, watch->Next(kIdleWait, stop));
    Apply(batch);
  }
}

Status WatchedCatalog::List(const std::stop_token& stop) {
  std::vector<EtcdKeyValue> kvs;
  int64_t revision = 0;
  for (const KeyRange& range : ranges_) {
    CDC_ASSIGN_OR_RETURN(EtcdRange part, client_->Range(range, {.revision = revision}, stop));
    revision = part.revision;
    std::move(part.kvs.begin(), part.kvs.end(), std::back_inserter(kvs));
  }
  std::vector<Status> errors;
  builder_.Relist(kvs, &errors);
  must_list_ = false;
  spdlog::info("catalog: listed {} keys of {} at etcd revision {}", kvs.size(), meta_root_,
               revision);
  {
    MutexLock lock(mutex_);
    ++health_.lists;
  }
  Publish(revision, errors);
  return OkStatus();
}

void WatchedCatalog::Apply(const WatchBatch& batch) {
  {
    MutexLock lock(mutex_);
    if (batch.revision == revision_) {
      return;  // the wait timed out, nothing came
    }
  }
  std::vector<Status> errors;
  for (const EtcdEvent& event : batch.events) {
    if (event.deleted) {
      builder_.Delete(event.kv.key);
      continue;
    }
    Status status = builder_.Put(event.kv);
    if (!status.ok()) {
      errors.push_back(std::move(status));
    }
  }
  Publish(batch.revision, errors);
}

void WatchedCatalog::Publish(int64_t revision, const std::vector<Status>& errors) {
  CatalogBuilder::Built built = builder_.Build(revision);
  {
    MutexLock lock(mutex_);
    catalog_ = std::move(built.catalog);
    revision_ = revision;
    keys_ = static_cast<int64_t>(builder_.keys());
    changed_.NotifyAll();
  }
  // Log and notify without the lock: a listener may read the catalog.
  for (const Status& error : errors) {
    spdlog::warn("catalog: ignored a value: {}", error.message());
  }
  if (built.changed) {
    listeners_->Notify();
  }
}

void WatchedCatalog::SetHealth(const Status& status) {
  {
    MutexLock lock(mutex_);
    health_.status = status;
  }
  if (logged_ok_ == status.ok()) {
    return;
  }
  logged_ok_ = status.ok();
  if (status.ok()) {
    spdlog::info("catalog: follows {}", meta_root_);
  } else {
    spdlog::warn("catalog: cannot follow the source's etcd, retrying: {}", status.message());
  }
}

void WatchedCatalog::WaitBeforeRetry(const std::stop_token& stop) {
  MutexLock lock(mutex_);
  changed_.WaitFor(lock, stop, backoff_.Next(), [&] { return retry_now_; });
  retry_now_ = false;
}

}  // namespace

Result<std::unique_ptr<EtcdCatalog>> StartEtcdCatalog(const EtcdCatalogOptions& options) {
  // The first request has its own timeout; it also checks that the root path is right.
  EtcdOptions hurried = options.etcd;
  hurried.dial_timeout = options.connect_timeout;
  hurried.call_timeout = options.connect_timeout;
  CDC_ASSIGN_OR_RETURN(std::unique_ptr<EtcdClient> probe, NewEtcdClient(hurried));
  CDC_RETURN_IF_ERROR(CheckMilvusRoot(*probe, MetaRoot(options), {}));
  CDC_ASSIGN_OR_RETURN(std::unique_ptr<EtcdClient> client, NewEtcdClient(options.etcd));
  return StartEtcdCatalog(options, std::move(client));
}

Result<std::unique_ptr<EtcdCatalog>> StartEtcdCatalog(const EtcdCatalogOptions& options,
                                                      std::unique_ptr<EtcdClient> client) {
  auto catalog = std::make_unique<WatchedCatalog>(options, std::move(client));
  CDC_RETURN_IF_ERROR(catalog->Start());
  return std::unique_ptr<EtcdCatalog>(std::move(catalog));
}

}  // namespace cdc
