#include "reconcile/reconciler.h"

#include <algorithm>
#include <utility>

namespace cdc {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kIdleWait{30'000};  // a safety net: whatever matters wakes the thread
constexpr milliseconds kRefusedWait{2'000};
constexpr milliseconds kFailedWait{500};
constexpr milliseconds kBusyWait{50};         // nothing signals that a channel has been read
constexpr milliseconds kPartitionsWait{100};  // minimum between two checks for gone partitions

std::map<CollectionId, CopySelection> NotCopied(const MetaStore::Progress& progress) {
  std::map<CollectionId, CopySelection> collections;
  for (const SnapshotProgress& snapshot : progress.snapshots) {
    if (!snapshot.done) {
      collections[snapshot.collection] = snapshot.selection;
    }
  }
  return collections;
}

// What precedes a change in the log.
std::string LogName(const Reconciler::Parts& parts) {
  return parts.task_id + (parts.dry_run ? " dry run: would" : "");
}

}  // namespace

Reconciler::Reconciler(Parts parts, const MetaStore::Progress& progress)
    : parts_(std::move(parts)),
      copies_(NotCopied(progress)),
      target_(parts_.target,
              {.log_name = LogName(parts_),
               .expected_identity = parts_.target_identity,
               .on_connected = parts_.on_connected}),
      databases_({.task_id = parts_.task_id,
                  .catalog = parts_.catalog,
                  .store = parts_.store,
                  .scope = parts_.scope,
                  .conditions = parts_.conditions,
                  .target = &target_},
                 progress.databases),
      names_(&collections_),
      context_(ContextOf(parts_, progress, &copies_, &target_, &databases_, &names_)),
      flushes_(&target_, parts_.routes, parts_.clock, parts_.retry),
      access_({.task_id = parts_.task_id,
               .log_name = LogName(parts_),
               .target = parts_.access,
               .store = parts_.store,
               .read_source = [this](const auto& stop) { return ReadAccess(stop); },
               .scope = parts_.scope,
               .conditions = parts_.conditions,
               .own_user = parts_.target_user,
               .retry = parts_.retry,
               .clock = parts_.clock},
              progress.access),
      source_(parts_.store, parts_.task_id, progress.source) {
  for (const ReplicatedCollection& collection : progress.collections) {
    collections_.try_emplace(collection.id, &context_, collection, /*stored=*/true);
  }
}

Result<std::shared_ptr<const Access>> Reconciler::ReadAccess(const std::stop_token& stop) const {
  CDC_ASSIGN_OR_RETURN(const std::shared_ptr<const Catalog> now, parts_.catalog->Sync(stop));
  return now->access;
}

CollectionContext Reconciler::ContextOf(const Parts& parts,
                                        const MetaStore::Progress& progress,
                                        const CopiesInProgress* copies,
                                        TargetView* target,
                                        DatabaseReconciler* databases,
                                        NameExchange* names) {
  std::set<CollectionId> set_aside;
  for (const AsideCollection& aside : progress.aside) {
    if (!aside.reason.empty()) {
      set_aside.insert(aside.collection);
    }
  }
  return {.task_id = parts.task_id,
          .catalog = parts.catalog,
          .log = parts.log,
          .store = parts.store,
          .scope = parts.scope,
          .gates = parts.gates,
          .routes = parts.routes,
          .conditions = parts.conditions,
          .claims = parts.claims,
          .clock = parts.clock,
          .target = target,
          .databases = databases,
          .target_address = parts.target_address,
          .set_aside = std::move(set_aside),
          .copies = copies,
          .ignore_partition = parts.ignore_partition,
          .sync_index = parts.sync_index,
          .sync_load = parts.sync_load,
          .index_after_copy = parts.index_after_copy,
          .retry = parts.retry,
          .on_collection_failed = parts.on_collection_failed,
          .free_name = [names](CollectionId id, const CollectionName& name) {
            return names->Free(id, name);
          }};
}

// ---- From any thread -------------------------------------------------------------------------

void Reconciler::AddFlush(const FlushRequestInfo& flush, std::function<void()> done) {
  flushes_.Add(flush, *parts_.catalog->Current(), std::move(done));
  // If the rows are acknowledged already, no further progress would wake the thread.
  wake_ups_.NewWaiter();
}

void Reconciler::AddPassword(PasswordChange change, std::function<void()> done) {
  access_.AddPassword(std::move(change), std::move(done));
  wake_ups_.NewWaiter();
}

// A full round, because the collection is not among the unfinished ones: while it waited there was
// nothing to do.
void Reconciler::OnCopied(CollectionId id) {
  copies_.End(id);
  wake_ups_.All();
}

// Everything is applied if the router has taken the newest catalog (whose revision may be newer
// without a change that matters) and has seen no change since the last round, which left no work.
CatalogProgress Reconciler::Progress() const {
  const std::shared_ptr<const Catalog> known = parts_.catalog->Current();
  const RouteView::CatalogSeen seen = parts_.routes->catalog_seen();
  const bool carried_out = flushes_.empty() && access_.has_all_passwords();
  CatalogProgress progress{.revision = known->revision, .applied = false, .pending = {}};
  MutexLock lock(mutex_);
  progress.pending = pending_;
  progress.applied = seen.catalog != nullptr && changes_done_ == seen.changes && carried_out &&
                     (seen.catalog == known || (seen.catalog->databases == known->databases &&
                                                seen.catalog->collections == known->collections &&
                                                seen.catalog->access == known->access));
  return progress;
}

// ---- Rounds, in Run's thread -----------------------------------------------------------------

void Reconciler::Run(const std::stop_token& stop) {
  milliseconds wait{0};
  while (!stop.stop_requested()) {
    wake_ups_.Wait(stop, wait);
    if (!stop.stop_requested()) {
      wait = Turn(stop);
    }
  }
}

milliseconds Reconciler::Turn(const std::stop_token& stop) {
  const WakeUps::Reasons woken = wake_ups_.Take();
  target_.StopWith(stop);
  if (woken.reinspect) {
    databases_.ForgetTarget();
    access_.ForgetTarget();
    for (auto& [id, collection] : collections_) {
      collection.ForgetTarget();
    }
  }
  const Clock::TimePoint now = parts_.clock->Now();
  // Read before the catalog: a partition whose rows wait now and that the later catalog does not
  // have is gone. In the other order it could be one too new for the catalog.
  std::map<CollectionId, std::set<PartitionId>> waiting;
  partitions_due_ = partitions_due_ || woken.progress;
  const bool all = woken.all || now >= full_at_;
  if (all || (partitions_due_ && now >= partitions_at_)) {
    waiting = parts_.gates->WaitingPartitions();
    partitions_at_ = now + kPartitionsWait;
    partitions_due_ = false;
  }
  // Also read before the catalog, so that the round covers at least these changes.
  const uint64_t changes = parts_.routes->catalog_seen().changes;
  const auto catalog = parts_.catalog->Current();
  if (all || (catalog_ != nullptr && catalog != catalog_)) {
    changes_ = changes;
    FullRound(catalog, waiting);
  } else if (catalog_ != nullptr) {
    DiscardGonePartitions(waiting);
    AttemptAll(unfinished_);
    DropAndAlterDatabases();
    access_.Attempt(catalog_->access, stop);
    FlushReady();
  }
  if (catalog_ != nullptr) {
    PublishProgress();
  }
  return NextWait(parts_.clock->Now());
}

void Reconciler::FullRound(const std::shared_ptr<const Catalog>& catalog,
                           const std::map<CollectionId, std::set<PartitionId>>& waiting) {
  // If this round fails, no short round may use the old catalog.
  catalog_ = nullptr;
  full_at_ = parts_.clock->Now() + kFailedWait;
  // First of all: in the catalog of another Milvus every collection would look dropped.
  if (!Report("source identity", source_.Check(*catalog))) {
    return;
  }
  // Neither needs the target, so rows that nobody wants do not pile up while it is down.
  FollowCatalog(*catalog);
  DiscardGonePartitions(waiting);
  if (!Report("databases of the target", databases_.Refresh(*catalog))) {
    return;
  }
  catalog_ = catalog;
  Order order;
  for (const auto& [id, collection] : collections_) {
    const auto& source = collection.source();
    order.emplace(source == nullptr ? Timestamp{} : source->created, id);
  }
  unfinished_ = order;
  AttemptAll(std::move(order));
  full_at_ = parts_.clock->Now() + kIdleWait;
  DropAndAlterDatabases();
  access_.Attempt(catalog_->access, target_.stop());
  FlushReady();
}

// Runs after the attempts of every round, because they may have emptied a database. A drain stops
// the task as soon as the catalog counts as applied, and the database must be dropped by then.
void Reconciler::DropAndAlterDatabases() {
  const bool refused = databases_.DropAndAlter(*catalog_, [this](const std::string& database) {
    return std::any_of(collections_.begin(), collections_.end(), [&](const auto& each) {
      return each.second.record().target.database == database;
    });
  });
  if (refused) {
    full_at_ = std::min(full_at_, parts_.clock->Now() + kRefusedWait);
  }
}

// Returns whether the status is ok.
bool Reconciler::Report(const std::string& part, const Status& status) {
  if (!status.ok() && !IsRetryable(status)) {
    parts_.on_fatal(status);
  }
  parts_.conditions->Set(part, status);
  return status.ok();
}

void Reconciler::FollowCatalog(const Catalog& catalog) {
  for (auto& [id, collection] : collections_) {
    collection.UpdateSource(catalog.Find(id), catalog);
  }
  const auto begin = [this, &catalog](const CollectionName& name, const Collection& collection) {
    ReplicatedCollection record;
    record.id = collection.id;
    record.source = name;
    record.target = parts_.scope->Target(name);
    record.pchannels = collection.pchannels;
    record.created = collection.created;
    collections_.try_emplace(collection.id, &context_, std::move(record), /*stored=*/false)
        .first->second.UpdateSource(catalog.Find(collection.id), catalog);
  };
  for (const Scope::Match& match : parts_.scope->Select(catalog)) {
    // A collection that the router does not follow is not the task's. If that changes, it wakes us.
    const CollectionId id = match.collection->id;
    if (parts_.routes->Follows(id) && !collections_.contains(id)) {
      begin(match.name, *match.collection);
    }
  }
  // Those that came and went between two rounds: nobody else would discard their rows.
  for (const RouteView::Vanished& each : parts_.routes->vanished()) {
    const CollectionId id = each.collection->id;
    if (catalog.Find(id) == nullptr && !collections_.contains(id)) {
      begin(each.name, *each.collection);
    }
  }
}

// An attempt may drop other collections to free their names, hence the lookup by id.
void Reconciler::AttemptAll(Order order) {
  for (const Order::value_type& each : order) {
    const auto found = collections_.find(each.second);
    if (target_.stop().stop_requested()) {
      break;
    }
    if (found == collections_.end()) {
      unfinished_.erase(each);
      continue;
    }
    CollectionReconciler& collection = found->second;
    if (collection.Attempt()) {
      collection.CleanUp();
      collections_.erase(found);
      unfinished_.erase(each);
    } else if (!collection.due().has_value()) {
      unfinished_.erase(each);
    }
  }
}

// Such rows would hold the checkpoint forever: no gate will ever let them through.
void Reconciler::DiscardGonePartitions(
    const std::map<CollectionId, std::set<PartitionId>>& waiting) {
  for (const auto& [id, partitions] : waiting) {
    const auto found = collections_.find(id);
    if (found != collections_.end() && found->second.Exists()) {
      found->second.partitions().DiscardGone(*found->second.source(), partitions);
    }
  }
}

void Reconciler::FlushReady() {
  const Status flushed =
      flushes_.Flush([this](CollectionId id) -> std::optional<FlushQueue::Place> {
        const auto found = collections_.find(id);
        if (found == collections_.end() || !found->second.Exists()) {
          return std::nullopt;
        }
        const ReplicatedCollection& record = found->second.record();
        return FlushQueue::Place{
            .ready = found->second.HasConverged() && !record.renamed_from.has_value(),
            .target = record.target,
            .pchannels = record.pchannels};
      });
  parts_.conditions->Set("flush", flushed);
}

// Covers the collections that the router followed when the full round began. The catalog of that
// round is no older than the router's, so it has all of them. A refused optional feature does not
// count as pending work: a condition reports it.
void Reconciler::PublishProgress() {
  std::vector<std::string> pending;
  for (const auto& each : unfinished_) {
    const auto found = collections_.find(each.second);
    if (found != collections_.end() && !found->second.IsDone()) {
      pending.push_back("collection " + found->second.record().target.ToString());
    }
  }
  if (!flushes_.empty()) {
    pending.emplace_back("flush");
  }
  if (!access_.IsDone()) {
    pending.emplace_back("users and roles");
  }
  // Without other work, a scheduled check of the partitions needs no further wake-ups.
  wake_ups_.AwaitProgress(!pending.empty() || !partitions_due_);
  // OnCopied wakes the thread for these, not the rows.
  for (const auto& [id, collection] : collections_) {
    if (const std::string waiting = collection.waiting_for_copy(); !waiting.empty()) {
      pending.push_back(waiting + " of " + collection.record().target.ToString() +
                        ", until it is copied");
    }
  }
  MutexLock lock(mutex_);
  changes_done_ = pending.empty() ? std::optional(changes_) : std::nullopt;
  pending_ = std::move(pending);
}

// The time until the first deadline, but at least kBusyWait: work that is due already and waits for
// a channel to be read is polled, because nothing signals that.
milliseconds Reconciler::NextWait(Clock::TimePoint now) {
  milliseconds wait = kIdleWait;
  const auto shorten = [&](Clock::TimePoint due) {
    wait = std::min(wait, std::max(kBusyWait, std::chrono::ceil<milliseconds>(due - now)));
  };
  shorten(full_at_);
  if (partitions_due_) {
    shorten(partitions_at_);
  }
  if (catalog_ == nullptr) {
    return wait;
  }
  if (const auto due = flushes_.due(); due.has_value()) {
    shorten(*due);
  }
  if (const auto due = access_.due(); due.has_value()) {
    shorten(*due);
  }
  for (const auto& each : unfinished_) {
    const auto found = collections_.find(each.second);
    if (found != collections_.end()) {
      shorten(found->second.due().value_or(full_at_));
    }
  }
  return wait;
}

}  // namespace cdc
