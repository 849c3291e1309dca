#include "pipeline/reconciler.h"

#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/thread.h"
#include "pipeline/plan.h"

namespace cdc {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kIdleWait{30'000};  // whatever it waits for wakes it
constexpr milliseconds kRefusedWait{2'000};
constexpr milliseconds kBusyWait{50};
constexpr milliseconds kConnectTimeout{5'000};
constexpr int kMaxPlans = 4;
constexpr int kNotFoundAttempts = 10;  // about half a minute
constexpr int kUnclearAttempts = 40;   // about five minutes: a server's own trouble may pass

// A target may lack an index type that the source has: that must not stop the rows.
bool OnlyForSearch(const Ddl& ddl) {
  return std::holds_alternative<CreateIndex>(ddl) || std::holds_alternative<LoadCollection>(ddl) ||
         std::holds_alternative<LoadPartitions>(ddl);
}

}  // namespace

Reconciler::Reconciler(Parts parts, const MetaStore::Progress& progress)
    : parts_(std::move(parts)), source_(progress.source) {
  for (const ReplicatedCollection& collection : progress.collections) {
    Entry& entry = entries_[collection.id];
    entry.target = collection.target;
    entry.pchannels = collection.pchannels;
    entry.skip_until = collection.skip_until;
    entry.recorded = true;
    entry.on_target = collection.on_target;
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

void Reconciler::AddFlush(const FlushRequestInfo& flush, std::function<void()> done) {
  // Names are resolved now: the flush meant the collections that have them at this time.
  const auto catalog = parts_.catalog->Current();
  auto shared = std::make_shared<std::function<void()>>(std::move(done));
  const auto database = catalog->FindDatabase(flush.database);
  size_t added = 0;
  MutexLock lock(mutex_);
  for (const std::string& name : flush.collections) {
    const auto collection = database ? catalog->FindByName(*database, name) : nullptr;
    if (collection != nullptr && parts_.scope->Covers({flush.database, name})) {
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
    {
      MutexLock lock(mutex_);
      changed_.WaitFor(lock, stop, wait, [this] { return wake_; });
      wake_ = false;
    }
    if (!stop.stop_requested()) {
      wait = Round(stop);
    }
  }
}

milliseconds Reconciler::Round(const std::stop_token& stop) {
  stop_ = stop;
  // Before the catalog is looked at: what waited then and is not in it now is gone.
  const auto waiting = parts_.writer->WaitingPartitions();
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
    parts_.conditions->Set("target", databases);
    target_databases_.reset();
    return milliseconds(500);
  }
  parts_.conditions->Set("target", OkStatus());

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
  parts_.conditions->Set("flush", RunFlushes());
  return NextWait();
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
    const bool removing = entry.removal.has_value() ||
                          std::any_of(entry.partitions.begin(), entry.partitions.end(),
                                      [](const auto& p) { return p.second.removal.has_value(); });
    if (removing || entry.done != entry.source) {
      shorten(entry.due);
    }
  }
  return wait;
}

void Reconciler::RefreshEntries(const Catalog& catalog) {
  for (auto& [id, entry] : entries_) {
    entry.source = catalog.Find(id);
  }
  for (const Scope::Match& match : parts_.scope->Select(catalog)) {
    const auto [entry, added] = entries_.try_emplace(match.collection->id);
    if (added) {
      entry->second.source = match.collection;
      entry->second.target = parts_.scope->Target(match.name);
      entry->second.pchannels = match.collection->pchannels;
    }
  }
}

void Reconciler::Attempt(CollectionId id, Entry& entry) {
  if (steady_clock::now() < entry.due) {
    return;
  }
  const std::string part = "collection " + entry.target.ToString();
  Status status;
  if (entry.Exists()) {
    if (entry.done == entry.source &&
        std::none_of(entry.partitions.begin(), entry.partitions.end(),
                     [](const auto& each) { return each.second.removal.has_value(); })) {
      return;
    }
    status = Ensure(id, entry);
  } else {
    auto removed = RemoveCollection(id, entry, false);
    if (removed.ok() && *removed) {
      parts_.conditions->Set(part, OkStatus());
      Forget(id);
      return;
    }
    status = removed.status();
  }
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

Status Reconciler::Apply(const Ddl& ddl) {
  if (stop_.stop_requested()) {
    return CancelledError("the task stops");
  }
  CDC_RETURN_IF_ERROR(parts_.target->Apply(ddl).WithContext(Describe(ddl)));
  spdlog::info("task={} {}", parts_.task_id, Describe(ddl));
  return OkStatus();
}

Status Reconciler::Ensure(CollectionId id, Entry& entry) {
  if (parts_.scope->Target({catalog_->DatabaseName(entry.source->database), entry.source->name}) !=
      entry.target) {
    return FailedPreconditionError(
        "renamed to " + entry.source->name +
        " on the source; renaming is not replicated yet: delete the task and create it again");
  }
  CDC_RETURN_IF_ERROR(FreeName(id, entry));
  CDC_RETURN_IF_ERROR(Prepare(id, entry));
  if (parts_.ignore_partition) {
    entry.actual->loads_partitions = false;  // it has none of the source's
  }
  CDC_RETURN_IF_ERROR(RemovePartitions(id, entry));
  const std::shared_ptr<const Collection> source = entry.source;
  if (!parts_.ignore_partition) {
    for (const Ddl& ddl : PlanPartitions(*source, entry.target, *entry.actual)) {
      CDC_RETURN_IF_ERROR(Apply(ddl));
      entry.actual->partitions.push_back(std::get<CreatePartition>(ddl).partition);
    }
  }
  OpenGate(id, entry);
  if (entry.done != source) {
    CDC_RETURN_IF_ERROR(Converge(entry));
    entry.done = source;
  }
  return OkStatus();
}

// Brings indexes and load state to what the source has. A change may have effects of its own
// (Milvus Lite loads what gets an index), so it looks again until nothing is left to do.
Status Reconciler::Converge(Entry& entry) {
  Status refused;
  for (int round = 0; round < kMaxPlans && refused.ok(); ++round) {
    const std::vector<Ddl> plan = PlanCollection(*entry.source, entry.target, *entry.actual);
    if (plan.empty()) {
      break;
    }
    for (const Ddl& ddl : plan) {
      if (parts_.ignore_partition && std::holds_alternative<CreatePartition>(ddl)) {
        continue;
      }
      const Status applied = Apply(ddl);
      if (!applied.ok() && (IsRetryable(applied) || !OnlyForSearch(ddl))) {
        return applied;
      }
      refused = refused.ok() ? applied : refused;
    }
    CDC_RETURN_IF_ERROR(LookAgain(entry));
    entry.actual->loads_partitions = entry.actual->loads_partitions && !parts_.ignore_partition;
  }
  if (!refused.ok()) {
    spdlog::warn("task={} {}; the rows go on", parts_.task_id, refused.ToString());
  }
  parts_.conditions->SetWaiting("search on " + entry.target.ToString(), refused);
  return OkStatus();
}

// Makes the collection exist on the target and learns what it is like there.
Status Reconciler::Prepare(CollectionId id, Entry& entry) {
  if (entry.actual.has_value()) {
    return OkStatus();
  }
  CDC_ASSIGN_OR_RETURN(entry.actual, parts_.target->DescribeCollection(entry.target));
  if (entry.actual.has_value()) {
    CDC_RETURN_IF_ERROR(CheckFits(*entry.source, entry.target, *entry.actual));
  }
  if (!entry.on_target) {
    // Before it is made: a crash in between must not leave one that nobody knows of.
    entry.on_target = true;
    CDC_RETURN_IF_ERROR(Record(id, entry));
  }
  if (!entry.actual.has_value()) {
    CDC_RETURN_IF_ERROR(Apply(PlanCreate(*entry.source, entry.target)));
    CDC_ASSIGN_OR_RETURN(entry.actual, parts_.target->DescribeCollection(entry.target));
    if (!entry.actual.has_value()) {
      return UnavailableError("created, and not yet visible on the target");
    }
    CDC_RETURN_IF_ERROR(CheckFits(*entry.source, entry.target, *entry.actual));
  }
  return OkStatus();
}

Status Reconciler::LookAgain(Entry& entry) {
  CDC_ASSIGN_OR_RETURN(entry.actual, parts_.target->DescribeCollection(entry.target));
  if (!entry.actual.has_value()) {
    return NotFoundError("collection " + entry.target.ToString() +
                         " has disappeared from the target");
  }
  return OkStatus();
}

Status Reconciler::Record(CollectionId id, Entry& entry) {
  ReplicatedCollection record{
      .id = id,
      .source = {catalog_->DatabaseName(entry.source->database), entry.source->name},
      .target = entry.target,
      .pchannels = entry.pchannels,
      .created = entry.source->created,
      .skip_until = entry.skip_until,
      .on_target = entry.on_target,
      .partitions = {}};
  for (const auto& [partition, known] : entry.partitions) {
    record.partitions[partition] = known.name;
  }
  CDC_RETURN_IF_ERROR(parts_.store->PutCollection(parts_.task_id, record));
  entry.recorded = true;
  return OkStatus();
}

void Reconciler::OpenGate(CollectionId id, const Entry& entry) {
  RowWriter::Gate gate;
  gate.target = entry.target;
  gate.primary_key = entry.source->schema.PrimaryKey()->name;
  gate.function_outputs = entry.source->schema.FunctionOutputs();
  gate.partition_key = entry.source->schema.HasPartitionKey() || parts_.ignore_partition;
  for (const Partition& partition : entry.source->partitions) {
    const bool on_target =
        std::find(entry.actual->partitions.begin(), entry.actual->partitions.end(),
                  partition.name) != entry.actual->partitions.end();
    // What is there may be an older partition of this name that is being removed.
    const bool taken =
        std::any_of(entry.partitions.begin(), entry.partitions.end(), [&](const auto& each) {
          return each.first != partition.id && each.second.name == partition.name &&
                 each.second.removal.has_value();
        });
    if (on_target && !taken) {
      gate.partitions.insert(partition.id);
      gate.names[partition.id] = partition.name;
    }
  }
  // A partition that is being removed still takes its last rows.
  for (const auto& [partition, known] : entry.partitions) {
    if (known.removal.has_value()) {
      gate.partitions.insert(partition);
      gate.names[partition] = known.name;
    }
  }
  parts_.writer->Open(id, std::move(gate));
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

Status Reconciler::ConnectTarget() {
  if (target_databases_.has_value()) {
    return OkStatus();
  }
  CDC_ASSIGN_OR_RETURN(const std::string version, parts_.target->Connect(kConnectTimeout));
  parts_.on_connected(version);
  auto listed = parts_.target->ListDatabases();
  if (listed.status().code() == StatusCode::kUnimplemented) {
    listed = std::vector<std::string>{kDefaultDatabase};  // a target from before databases
  }
  CDC_RETURN_IF_ERROR(listed.status());
  target_databases_.emplace(listed->begin(), listed->end());
  return OkStatus();
}

Status Reconciler::RefreshDatabases(const Catalog& catalog) {
  CDC_RETURN_IF_ERROR(ConnectTarget());
  for (const auto& [id, database] : catalog.databases) {
    const std::string& name = database->name;
    if (name == kDefaultDatabase || !parts_.scope->CoversDatabase(name)) {
      continue;
    }
    if (!source_databases_.contains(name)) {
      CDC_RETURN_IF_ERROR(parts_.store->PutDatabase(parts_.task_id, name));
      source_databases_.insert(name);
    }
    if (!target_databases_->contains(name)) {
      CDC_RETURN_IF_ERROR(Apply(CreateDatabase{name}));
      target_databases_->insert(name);
    }
  }
  return OkStatus();
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
    const bool applied = entry.done != nullptr &&
                         std::all_of(entry.pchannels.begin(), entry.pchannels.end(),
                                     [&](const std::string& channel) {
                                       return parts_.router->HasAppliedTo(channel, flush.ts);
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
