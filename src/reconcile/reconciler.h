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
#include "progress/condition_board.h"
#include "reconcile/collection_claims.h"
#include "reconcile/collection_context.h"
#include "reconcile/collection_reconciler.h"
#include "reconcile/database_reconciler.h"
#include "reconcile/flush_queue.h"
#include "reconcile/name_exchange.h"
#include "reconcile/source_identity.h"
#include "reconcile/target_view.h"
#include "reconcile/wake_ups.h"
#include "rows/route_view.h"
#include "rows/row_gates.h"
#include "scope/scope.h"
#include "sink/metadata_sink.h"
#include "source/catalog_source.h"
#include "source/log.h"

namespace cdc {

// Makes the target's metadata follow the source's catalog. Level-triggered: it compares what should
// be with what is and closes the difference, so nothing depends on having seen an event. What is
// done to one collection stands at CollectionReconciler; this decides when. A full round looks at
// all databases and collections, after a change and now and then; between these a short round looks
// only at what is unfinished.
//
// An error of one collection does not hold the others; a passing one is retried with back-off.
//
// Run (or Turn) belongs to one thread; the rest is thread-safe.
class Reconciler {
 public:
  struct Parts {
    std::string task_id;
    CatalogSource* catalog;
    Log* log;
    MetadataSink* target;
    MetaStore* store;
    const Scope* scope;
    RowGates* gates;
    RouteView* routes;
    ConditionBoard* conditions;
    CollectionClaims* claims;
    std::string target_address;   // AddressKey
    std::string target_identity;  // the one that the task was made for; empty: not known
    bool ignore_partition = false;
    bool sync_index = true;
    bool sync_load = true;
    BackoffOptions retry;
    std::function<void(const Status&)> on_fatal;
    std::function<void(const std::string& version)> on_connected;
    const Clock* clock = &Clock::Real();
  };

  // All parts must outlive this.
  Reconciler(Parts parts, const MetaStore::Progress& progress);

  void Run(const std::stop_token& stop);
  // What Run is made of, for a test that is its thread: does what is due, without waiting. Returns
  // how long to wait for a wake-up.
  std::chrono::milliseconds Turn(const std::stop_token& stop);

  // The state of the source's catalog against the target's.
  CatalogProgress Progress() const;

  // The catalog has changed: everything is looked at.
  void Wake() { wake_ups_.All(); }
  // Rows were acknowledged: what waits for that is looked at. Nearly free if nothing does.
  void OnProgress() { wake_ups_.Progress(); }
  // The target was away. What it has forgotten meanwhile (a Milvus Lite that starts again has
  // loaded nothing) is brought back.
  void ReinspectTarget() { wake_ups_.Reinspect(); }

  // Flushes the collections on the target after their rows up to the flush's time.
  void AddFlush(const FlushRequestInfo& flush, std::function<void()> done);

 private:
  // Older first, since a name may pass from one collection to the next.
  using Order = std::set<std::pair<Timestamp, CollectionId>>;
  static CollectionContext ContextOf(const Parts& parts,
                                     TargetView* target,
                                     DatabaseReconciler* databases,
                                     NameExchange* names);
  void FullRound(const std::shared_ptr<const Catalog>& catalog,
                 const std::map<CollectionId, std::set<PartitionId>>& waiting);
  bool Report(const std::string& part, const Status& status);
  void FollowCatalog(const Catalog& catalog);
  void AttemptAll(Order order);  // a copy: attempts change unfinished_
  void DiscardGonePartitions(const std::map<CollectionId, std::set<PartitionId>>& waiting);
  void DropAndAlterDatabases();
  void FlushReady();
  void PublishProgress();
  std::chrono::milliseconds NextWait(Clock::TimePoint now);

  const Parts parts_;

  // Only Run's thread, but for the thread-safe part of flushes_.
  TargetView target_;
  DatabaseReconciler databases_;
  NameExchange::Collections collections_;
  NameExchange names_;
  const CollectionContext context_;
  FlushQueue flushes_;
  SourceIdentity source_;
  std::shared_ptr<const Catalog> catalog_;  // of the last full round; nullptr: that has failed
  uint64_t changes_ = 0;                    // that the router had seen before the last full round
  Order unfinished_;                        // what a short round looks at
  Clock::TimePoint full_at_;                // when a full round is due though nothing has changed
  Clock::TimePoint partitions_at_;          // when gone partitions may be looked for again
  bool partitions_due_ = true;              // rows were acknowledged since that was done

  WakeUps wake_ups_;

  mutable Mutex mutex_;
  // After the last round: what it left to do, and how many changes the router had seen before it.
  std::vector<std::string> pending_ CDC_GUARDED_BY(mutex_);
  std::optional<uint64_t> changes_done_ CDC_GUARDED_BY(mutex_);  // nullopt: something is left
};

}  // namespace cdc
