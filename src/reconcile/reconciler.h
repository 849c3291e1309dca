#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/backoff.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "metastore/meta_store.h"
#include "model/catalog.h"
#include "model/catalog_progress.h"
#include "model/flush_request.h"
#include "model/password_change.h"
#include "progress/condition_board.h"
#include "reconcile/access/access_reconciler.h"
#include "reconcile/collection_claims.h"
#include "reconcile/collection_context.h"
#include "reconcile/collection_reconciler.h"
#include "reconcile/copies_in_progress.h"
#include "reconcile/database_reconciler.h"
#include "reconcile/flush_queue.h"
#include "reconcile/name_exchange.h"
#include "reconcile/source_identity.h"
#include "reconcile/target_view.h"
#include "reconcile/wake_ups.h"
#include "rows/route_view.h"
#include "rows/row_gates.h"
#include "scope/scope.h"
#include "sink/access_sink.h"
#include "sink/metadata_sink.h"
#include "source/catalog_source.h"
#include "source/log.h"

namespace cdc {

// Makes the target's metadata follow the source's catalog. It is level-triggered: it compares the
// wanted with the actual state and closes the difference, so nothing depends on having seen an
// event. CollectionReconciler does the work on one collection; this class decides when. A full
// round covers all databases and collections, after every change and periodically. The short rounds
// in between cover only unfinished collections.
//
// An error in one collection does not block the others. Transient errors are retried with back-off.
//
// Run (or Turn) belongs to one thread; everything else is thread-safe.
class Reconciler {
 public:
  struct Parts {
    std::string task_id;
    CatalogSource* catalog;
    Log* log;
    MetadataSink* target;
    AccessSink* access = nullptr;  // nullptr: users and roles are not replicated
    std::string target_user;       // whom the task works as; empty: unknown
    MetaStore* store;
    const Scope* scope;
    RowGates* gates;
    RouteView* routes;
    ConditionBoard* conditions;
    CollectionClaims* claims;
    std::string target_address;   // AddressKey
    std::string target_identity;  // of the target the task was created for; empty: unknown
    bool ignore_partition = false;
    bool sync_index = true;
    bool sync_load = true;
    bool dry_run = false;          // the log says that changes would be made
    bool index_after_copy = true;  // of stored rows; else before
    BackoffOptions retry;
    std::function<void(const Status&)> on_fatal;
    std::function<void(CollectionId, const Status&)> on_collection_failed;  // only this one fails
    std::function<void(const std::string& version)> on_connected;
    const Clock* clock = &Clock::Real();
  };

  // All parts must outlive this.
  Reconciler(Parts parts, const MetaStore::Progress& progress);

  void Run(const std::stop_token& stop);
  // One step of Run, for tests that play its thread: does what is due without waiting. Returns how
  // long to wait for a wake-up.
  std::chrono::milliseconds Turn(const std::stop_token& stop);

  // How much of the source's catalog is on the target.
  CatalogProgress Progress() const;

  // The catalog has changed: schedules a full round.
  void Wake() { wake_ups_.All(); }
  // Rows were acknowledged: checks whatever waits for that. Nearly free if nothing does.
  void OnProgress() { wake_ups_.Progress(); }
  // The stored rows of a collection are on the target: what waited for that follows.
  void OnCopied(CollectionId id);
  // The target was unreachable: reads its state again and restores what it has lost. A restarted
  // Milvus Lite, for example, has nothing loaded.
  void ReinspectTarget() { wake_ups_.Reinspect(); }

  // Flushes the collections on the target once their rows up to the time of the flush are applied.
  void AddFlush(const FlushRequestInfo& flush, std::function<void()> done);
  // A user of the source has got a password, which the target's is to get, too. For a task that
  // replicates users.
  void AddPassword(PasswordChange change, std::function<void()> done);

 private:
  Result<std::shared_ptr<const Access>> ReadAccess(const std::stop_token& stop) const;
  // Oldest first, because a name may pass from one collection to a newer one.
  using Order = std::set<std::pair<Timestamp, CollectionId>>;
  static CollectionContext ContextOf(const Parts& parts,
                                     const MetaStore::Progress& progress,
                                     const CopiesInProgress* copies,
                                     TargetView* target,
                                     DatabaseReconciler* databases,
                                     NameExchange* names);
  void FullRound(const std::shared_ptr<const Catalog>& catalog,
                 const std::map<CollectionId, std::set<PartitionId>>& waiting);
  bool Report(const std::string& part, const Status& status);
  void FollowCatalog(const Catalog& catalog);
  void AttemptAll(Order order);  // by value: attempts change unfinished_
  void DiscardGonePartitions(const std::map<CollectionId, std::set<PartitionId>>& waiting);
  void DropAndAlterDatabases();
  void FlushReady();
  void PublishProgress();
  std::chrono::milliseconds NextWait(Clock::TimePoint now);

  const Parts parts_;
  CopiesInProgress copies_;

  // Only Run's thread, except for the thread-safe parts of flushes_ and access_.
  TargetView target_;
  DatabaseReconciler databases_;
  NameExchange::Collections collections_;
  NameExchange names_;
  const CollectionContext context_;
  FlushQueue flushes_;
  AccessReconciler access_;
  SourceIdentity source_;
  std::shared_ptr<const Catalog> catalog_;  // of the last full round; nullptr: that one failed
  uint64_t changes_ = 0;                    // seen by the router before the last full round
  Order unfinished_;                        // the collections of a short round
  Clock::TimePoint full_at_;                // when a full round is due even without a change
  Clock::TimePoint partitions_at_;          // earliest time to check for gone partitions again
  bool partitions_due_ = true;              // rows were acknowledged since the last such check

  WakeUps wake_ups_;

  mutable Mutex mutex_;
  // After the last round: the work left, and how many changes the router had seen before it.
  std::vector<std::string> pending_ CDC_GUARDED_BY(mutex_);
  std::optional<uint64_t> changes_done_ CDC_GUARDED_BY(mutex_);  // nullopt: work is left
};

}  // namespace cdc
