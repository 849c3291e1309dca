#include "reconcile/reconciler.h"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/thread.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr char kPart[] = "databases of the target";
constexpr milliseconds kIdleWait{30'000};  // whatever it waits for wakes it
constexpr milliseconds kRefusedWait{2'000};
constexpr milliseconds kBusyWait{50};
constexpr int kNotFoundAttempts = 10;  // about half a minute
constexpr int kUnclearAttempts = 40;   // about five minutes: a server's own trouble may pass

}  // namespace

Reconciler::Reconciler(Parts parts, const MetaStore::Progress& progress)
    : parts_(std::move(parts)), source_(progress.source), flush_backoff_(parts_.retry) {
  for (const ReplicatedCollection& collection : progress.collections) {
    Entry& entry = entries_.try_emplace(collection.id, parts_.retry).first->second;
    entry.target = collection.target;
    entry.pchannels = collection.pchannels;
    entry.skip_until = collection.skip_until;
    entry.may_hold_until = collection.may_hold_until;
    entry.recorded = true;
    entry.on_target = collection.on_target;
    entry.seen_on_target = collection.seen_on_target;
    entry.renamed_from = collection.renamed_from;
    for (const auto& [partition, name] : collection.partitions) {
      entry.partitions[partition].name = name;
    }
  }
  source_databases_.insert(progress.databases.begin(), progress.databases.end());
}

void Reconciler::Wake() {
  MutexLock lock(mutex_);
  wake_ = true;
  changed_.NotifyAll();
}

void Reconciler::LookAtTargetAgain() {
  MutexLock lock(mutex_);
  look_again_ = true;
  wake_ = true;
  changed_.NotifyAll();
}

// Nothing that is known of the target is believed any more.
void Reconciler::ForgetTarget() {
  target_databases_.reset();
  for (auto& [id, entry] : entries_) {
    entry.actual.reset();
    entry.done.reset();
  }
}

void Reconciler::AddFlush(const FlushRequestInfo& flush, std::function<void()> done) {
  // Names are resolved now: the flush meant the collections that have them at this time.
  const auto catalog = parts_.catalog->Current();
  auto shared = std::make_shared<std::function<void()>>(std::move(done));
  const auto database = catalog->FindDatabase(flush.database);
  size_t added = 0;
  MutexLock lock(mutex_);
  for (const std::string& name : flush.collections) {
    const auto collection = database ? catalog->FindByName(*database, name) : nullptr;
    if (collection != nullptr && parts_.routes->Follows(collection->id)) {
      flushes_.push_back({collection->id, flush.ts, shared});
      ++added;
    }
  }
  if (added == 0) {
    (*shared)();
  }
  wake_ = true;
  changed_.NotifyAll();
}

void Reconciler::Run(const std::stop_token& stop) {
  milliseconds wait{0};
  while (!stop.stop_requested()) {
    bool look_again = false;
    {
      MutexLock lock(mutex_);
      changed_.WaitFor(lock, stop, wait, [this] { return wake_; });
      wake_ = false;
      look_again = std::exchange(look_again_, false);
    }
    if (look_again) {
      ForgetTarget();
    }
    if (!stop.stop_requested()) {
      wait = Round(stop);
    }
  }
}

milliseconds Reconciler::Round(const std::stop_token& stop) {
  stop_ = stop;
  // Before the catalog is looked at: what waited then and is not in it now is gone.
  const auto waiting = parts_.gates->WaitingPartitions();
  const uint64_t changes = parts_.routes->catalog_seen().changes;
  catalog_ = parts_.catalog->Current();
  const Status source = CheckSource(*catalog_);
  parts_.conditions->Set("source identity", source);
  if (!source.ok()) {
    if (!IsRetryable(source)) {
      parts_.on_fatal(source);
    }
    return milliseconds(500);
  }
  RefreshEntries(*catalog_);
  DiscardGonePartitions(waiting);
  const Status databases = RefreshDatabases(*catalog_);
  if (!databases.ok()) {
    if (!IsRetryable(databases)) {
      parts_.on_fatal(databases);
    }
    parts_.conditions->Set(kPart, databases);
    target_databases_.reset();
    return milliseconds(500);
  }
  parts_.conditions->Set(kPart, OkStatus());

  // Older collections first: a name may pass from one to the next.
  std::vector<std::pair<Timestamp, CollectionId>> order;
  for (const auto& [id, entry] : entries_) {
    order.emplace_back(entry.source == nullptr ? Timestamp{} : entry.source->created, id);
  }
  std::sort(order.begin(), order.end());
  for (const auto& [created, id] : order) {
    const auto found = entries_.find(id);
    if (found != entries_.end() && !stop.stop_requested()) {
      Attempt(id, found->second);
    }
  }
  // Neither stands in the way of rows.
  const Status dropped = DropDatabases(*catalog_);
  database_refused_ = !dropped.ok();
  parts_.conditions->SetWaiting("drop database", dropped);
  AlterDatabases(*catalog_);
  parts_.conditions->Set("flush", RunFlushes());
  NoteProgress(changes);
  return NextWait();
}

// Those collections count that the router followed when the round began: all of the catalog that it
// had seen then, and the catalog of the round is not older.
void Reconciler::NoteProgress(uint64_t changes) {
  std::vector<std::string> pending;
  for (const auto& [id, entry] : entries_) {
    if (!entry.Exists() || !IsDone(entry)) {
      pending.push_back("collection " + entry.target.ToString());
    }
  }
  // What the target refuses beside the rows is not under way: the condition tells of it.
  MutexLock lock(mutex_);
  if (!flushes_.empty()) {
    pending.emplace_back("flush");
  }
  changes_done_ = pending.empty() ? std::optional(changes) : std::nullopt;
  pending_ = std::move(pending);
}

// The catalog known to the source's reader must be the one that the router has taken (its revision
// may be newer without news), and no change may have come since the round that left nothing.
CatalogProgress Reconciler::Progress() const {
  const std::shared_ptr<const Catalog> known = parts_.catalog->Current();
  const RouteView::CatalogSeen seen = parts_.routes->catalog_seen();
  CatalogProgress progress{.revision = known->revision, .applied = false, .pending = {}};
  MutexLock lock(mutex_);
  progress.pending = pending_;
  progress.applied = seen.catalog != nullptr && changes_done_ == seen.changes && flushes_.empty() &&
                     (seen.catalog == known || (seen.catalog->databases == known->databases &&
                                                seen.catalog->collections == known->collections));
  return progress;
}

// Until something that was put off is due, or may have been waited for long enough to look again.
milliseconds Reconciler::NextWait() {
  const auto now = steady_clock::now();
  milliseconds wait = database_refused_ ? kRefusedWait : kIdleWait;
  const auto shorten = [&](steady_clock::time_point due) {
    wait = std::min(wait, std::max(kBusyWait, std::chrono::ceil<milliseconds>(due - now)));
  };
  {
    MutexLock lock(mutex_);
    if (!flushes_.empty()) {
      shorten(flush_not_before_);
    }
  }
  for (const auto& [id, entry] : entries_) {
    if (!entry.Exists() || !IsDone(entry)) {
      shorten(entry.due);
    } else if (entry.refused_again) {
      shorten(*entry.refused_again);
    }
  }
  return wait;
}

void Reconciler::RefreshEntries(const Catalog& catalog) {
  for (auto& [id, entry] : entries_) {
    entry.source = catalog.Find(id);
  }
  for (const Scope::Match& match : parts_.scope->Select(catalog)) {
    // One that the router has not seen, or leaves alone, is none of ours yet; it wakes us.
    if (!parts_.routes->Follows(match.collection->id)) {
      continue;
    }
    const auto [entry, added] = entries_.try_emplace(match.collection->id, parts_.retry);
    if (added) {
      entry->second.source = match.collection;
      entry->second.target = parts_.scope->Target(match.name);
      entry->second.pchannels = match.collection->pchannels;
    }
  }
}

bool Reconciler::IsDone(const Entry& entry) {
  return entry.done == entry.source &&
         (!entry.refused_again.has_value() || steady_clock::now() < *entry.refused_again) &&
         std::none_of(entry.partitions.begin(), entry.partitions.end(),
                      [](const auto& each) { return each.second.removal.has_value(); });
}

void Reconciler::Attempt(CollectionId id, Entry& entry) {
  if (steady_clock::now() < entry.due) {
    return;
  }
  Status status;
  if (entry.Exists()) {
    if (IsDone(entry)) {
      return;
    }
    status = Ensure(id, entry);
  } else {
    auto removed = RemoveCollection(id, entry, false);
    if (removed.ok() && *removed) {
      Forget(id);
      return;
    }
    status = removed.status();
  }
  const std::string part = "collection " + entry.target.ToString();
  parts_.conditions->Set(part, status);
  if (status.ok()) {
    entry.backoff.Reset();
    return;
  }
  entry.actual.reset();  // whatever is believed of the target may be wrong: look again
  // The target's nodes learn of changes one after another: what is not found may be there soon.
  const bool unclear =
      status.code() == StatusCode::kInternal || status.code() == StatusCode::kUnknown;
  const bool passing =
      IsRetryable(status) ||
      (status.code() == StatusCode::kNotFound && entry.backoff.attempts() < kNotFoundAttempts) ||
      (unclear && entry.backoff.attempts() < kUnclearAttempts);
  if (!passing) {
    parts_.on_fatal(status.WithContext(part));
    entry.due = steady_clock::now() + std::chrono::hours(1);
    return;
  }
  if (entry.backoff.attempts() == 0) {
    spdlog::warn("task={} {}: {}; retrying", parts_.task_id, part, status.ToString());
  }
  entry.due = steady_clock::now() + entry.backoff.Next();
}

// Another Milvus behind the same address has none of the task's collections: without this all of
// them would look dropped, and the copy would be removed when it is needed most.
Status Reconciler::CheckSource(const Catalog& catalog) {
  const std::string now = catalog.Identity();
  if (now == source_) {
    return OkStatus();
  }
  if (source_.empty()) {
    CDC_RETURN_IF_ERROR(parts_.store->PutSource(parts_.task_id, now));
    source_ = now;
    return OkStatus();
  }
  if (now.empty()) {
    return UnavailableError("the source's etcd holds no default database: its metadata is gone");
  }
  return FailedPreconditionError(
      "the source is another Milvus than the one this task has replicated (its default database "
      "was made at another time); the target is left as it is: create a new task for the new "
      "source");
}

Status Reconciler::RunFlushes() {
  if (steady_clock::now() < flush_not_before_) {
    return flush_failure_;
  }
  std::vector<PendingFlush> pending;
  {
    MutexLock lock(mutex_);
    pending = std::exchange(flushes_, {});
  }
  std::vector<PendingFlush> later;
  std::map<CollectionId, Status> flushed;
  Status failure;
  for (PendingFlush& flush : pending) {
    const auto found = entries_.find(flush.collection);
    if (found == entries_.end() || !found->second.Exists()) {
      continue;  // dropped meanwhile
    }
    const Entry& entry = found->second;
    const bool applied = entry.done != nullptr && !entry.renamed_from.has_value() &&
                         std::all_of(entry.pchannels.begin(), entry.pchannels.end(),
                                     [&](const std::string& channel) {
                                       return parts_.routes->HasAppliedTo(channel, flush.ts);
                                     });
    if (applied) {
      // One call serves all that were asked for up to now.
      const auto [done, first] = flushed.try_emplace(flush.collection);
      if (first) {
        done->second = Apply(Flush{entry.target});
      }
      if (done->second.ok() || done->second.code() == StatusCode::kNotFound) {
        continue;
      }
      failure = done->second;
    }
    later.push_back(std::move(flush));
  }
  // The last holder of `done` tells the reader that the request is carried out.
  std::set<const void*> open;
  for (const PendingFlush& flush : later) {
    open.insert(flush.done.get());
  }
  std::set<const void*> told;
  for (const PendingFlush& flush : pending) {
    if (flush.done != nullptr && !open.contains(flush.done.get()) &&
        told.insert(flush.done.get()).second) {
      (*flush.done)();
    }
  }
  if (failure.ok()) {
    flush_backoff_.Reset();
  } else {
    flush_not_before_ = steady_clock::now() + flush_backoff_.Next();
  }
  flush_failure_ = failure;
  MutexLock lock(mutex_);
  flushes_.insert(flushes_.begin(), later.begin(), later.end());
  return failure;
}

}  // namespace cdc
