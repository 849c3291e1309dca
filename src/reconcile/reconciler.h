#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/backoff.h"
#include "base/mutex.h"
#include "metastore/meta_store.h"
#include "model/catalog.h"
#include "model/catalog_progress.h"
#include "model/ddl.h"
#include "model/flush_request.h"
#include "progress/condition_board.h"
#include "reconcile/collection_claims.h"
#include "rows/route_view.h"
#include "rows/row_gates.h"
#include "scope/scope.h"
#include "sink/target.h"
#include "source/catalog_source.h"
#include "source/log.h"

namespace cdc {

// Makes the target's metadata follow the source's catalog. Level-triggered: it compares what should
// be with what is and closes the difference, so nothing depends on having seen an event.
//
// A collection's rows are let through (RowGates::Open) as soon as it exists on the target. A
// removed collection or partition is dropped on the target after the rows that were in the queue
// before its removal; at once, and without its remaining rows, if its name is needed for a new one.
//
// A collection is followed by its id: renamed on the source, it is renamed on the target, while its
// rows wait; what a rename interrupted by a crash came to is found out at the next start.
// Properties, aliases, indexes and load state that a target refuses are told, and do not hold the
// rows.
//
// What another task of the process writes already is not touched until that one lets go of it (see
// CollectionClaims).
//
// An error of one collection does not hold the others; a passing one is tried again with back-off.
//
// Run belongs to one thread; the rest is thread-safe.
class Reconciler {
 public:
  struct Parts {
    std::string task_id;
    CatalogSource* catalog;
    Log* log;
    Target* target;
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
  };

  // All parts must outlive this.
  Reconciler(Parts parts, const MetaStore::Progress& progress);

  void Run(const std::stop_token& stop);

  // The state of the source's catalog against the target's.
  CatalogProgress Progress() const;

  // Something it may wait for has happened.
  void Wake();

  // The target was away. What it has forgotten meanwhile (a Milvus Lite that starts again has
  // loaded nothing) is brought back.
  void LookAtTargetAgain();

  // Flushes the collections on the target after their rows up to the flush's time.
  void AddFlush(const FlushRequestInfo& flush, std::function<void()> done);

 private:
  static constexpr BackoffOptions kRefusedBackoff{std::chrono::milliseconds(200),
                                                  std::chrono::milliseconds(60'000)};

  // The removal of a collection or partition: waits until every channel has been read to its end.
  struct Removal {
    std::map<std::string, std::optional<MsgId>> ends;  // by pchannel
    bool drained = false;
  };
  struct PartitionEntry {
    std::string name;
    std::optional<Removal> removal;
  };
  // A collection that is, or has been, replicated.
  struct Entry {
    explicit Entry(const BackoffOptions& retry)
        : backoff(retry), refused_backoff(kRefusedBackoff) {}
    bool Exists() const { return source != nullptr && source->state == ObjectState::kCreated; }

    std::shared_ptr<const Collection> source;  // nullptr: gone from the catalog
    std::shared_ptr<const Collection> done;    // the state that the target has
    CollectionName target;
    std::optional<CollectionName> renamed_from;      // a rename from it to `target` was begun
    std::optional<CollectionName> unreachable_name;  // that the target cannot give it
    std::vector<std::string> pchannels;
    std::optional<TargetCollection> actual;
    std::string claimed;  // the target's collection, in CollectionClaims; empty: none
    bool shared = false;  // another task had it, and that is not yet noted
    std::map<PartitionId, PartitionEntry> partitions;
    std::optional<Removal> removal;
    std::map<std::string, MsgId> skip_until;  // as it is in the store
    Timestamp may_hold_until;                 // likewise
    bool recorded = false;                    // in the store
    bool on_target = false;                   // the target's collection of this name is this one
    bool seen_on_target = false;              // as it is in the store
    Backoff backoff;
    std::chrono::steady_clock::time_point due;  // not before

    // What the target refused without harm to the rows. Properties: with the error, or none if they
    // are only not shown; they are not set again.
    std::map<KeyValue, Status> refused_properties;
    int refused_replicas = 0;
    Status refused_load;
    std::string refused_text;  // as it was logged
    Backoff refused_backoff;
    // When the rest is tried again, though nothing has changed.
    std::optional<std::chrono::steady_clock::time_point> refused_again;
  };
  struct PendingFlush {
    CollectionId collection;
    Timestamp ts;
    std::shared_ptr<std::function<void()>> done;
  };

  // One round; returns when to look again at the latest.
  std::chrono::milliseconds Round(const std::stop_token& stop);
  Status CheckSource(const Catalog& catalog);
  Status ConnectTarget();
  Status RefreshDatabases(const Catalog& catalog);
  Status EnsureDatabase(const std::string& name);
  bool NeedsDatabase(const std::string& target,
                     const std::string& gone,
                     const Catalog& catalog) const;
  Status DropDatabases(const Catalog& catalog);
  void AlterDatabases(const Catalog& catalog);
  void RefreshEntries(const Catalog& catalog);
  void Attempt(CollectionId id, Entry& entry);
  Status Ensure(CollectionId id, Entry& entry);
  static bool IsDone(const Entry& entry);
  CollectionName WantedName(const Entry& entry) const;
  Result<bool> FollowName(CollectionId id, Entry& entry);
  Status FreeName(CollectionId id, const CollectionName& name, std::set<CollectionId>* moving);
  Status MoveAway(CollectionId id,
                  Entry& entry,
                  const CollectionName& name,
                  std::set<CollectionId>* moving);
  Result<bool> Rename(CollectionId id, Entry& entry, const CollectionName& to);
  Status SettleRename(CollectionId id, Entry& entry);
  Status Look(Entry& entry);
  Status Claim(Entry& entry);
  Status NoteRowsOfOthers(Entry& entry);
  void Unclaim(Entry& entry);
  Status Prepare(CollectionId id, Entry& entry);
  Status MakeOnTarget(Entry& entry);
  Status LookAgain(Entry& entry);
  void ForgetTarget();
  Status Record(CollectionId id, Entry& entry);
  void Forget(CollectionId id);
  void DiscardGonePartitions(const std::map<CollectionId, std::set<PartitionId>>& waiting);
  void OpenGate(CollectionId id, const Entry& entry);
  Status Converge(Entry& entry);
  Status ApplyInPlan(const Ddl& ddl, Entry& entry, std::map<std::string, Status>* refused);
  static void TakeAsSet(const std::vector<Ddl>& plan, Entry& entry);
  void TellRefused(Entry& entry, std::map<std::string, Status> refused);
  Status DropAliases(const CollectionName& target);
  void ClearConditions(const CollectionName& target);
  Status RemovePartitions(CollectionId id, Entry& entry);
  Result<bool> RemoveCollection(CollectionId id, Entry& entry, bool at_once);
  Result<bool> Drained(const Entry& entry, Removal& removal);
  // No call is begun once the task stops.
  Status Apply(const Ddl& ddl);
  Result<std::optional<TargetCollection>> DescribeTarget(const CollectionName& name);
  Status RunFlushes();
  std::chrono::milliseconds NextWait();
  void NoteProgress(uint64_t changes);

  const Parts parts_;

  // Only Run's thread.
  std::string source_;  // Catalog::Identity; empty: not known yet
  std::map<CollectionId, Entry> entries_;
  std::optional<std::set<std::string>> target_databases_;
  bool database_refused_ = false;           // its drop, by the target
  std::set<std::string> source_databases_;  // seen on the source since the start
  // By database of the target: what it was given in this run, or has refused.
  std::map<std::string, std::vector<KeyValue>> database_properties_;
  std::shared_ptr<const Catalog> catalog_;
  TargetTraits traits_;   // known once it is connected
  std::stop_token stop_;  // no further change is begun once it is requested

  mutable Mutex mutex_;
  CondVar changed_;
  bool wake_ CDC_GUARDED_BY(mutex_) = true;
  bool look_again_ CDC_GUARDED_BY(mutex_) = false;
  std::vector<PendingFlush> flushes_ CDC_GUARDED_BY(mutex_);
  // After the last round: what it left to do, and how many changes the router had seen before it.
  std::vector<std::string> pending_ CDC_GUARDED_BY(mutex_);
  std::optional<uint64_t> changes_done_ CDC_GUARDED_BY(mutex_);  // none: something is left
  Backoff flush_backoff_;                                        // only Run's thread
  std::chrono::steady_clock::time_point flush_not_before_;       // only Run's thread
  Status flush_failure_;                                         // only Run's thread
};

}  // namespace cdc
