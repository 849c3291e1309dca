#include "sink/testing/fake_target.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <variant>

#include "model/index_params.h"

namespace cdc {
namespace {

using Collections = std::map<std::string, TargetCollection>;
using Databases = std::map<std::string, Collections>;

// No two collections on any servers have the same identity.
std::string NewIdentity() {
  static std::atomic<int> made = 0;
  return "fake@" + std::to_string(++made);
}

Status NotFound(const std::string& what) { return NotFoundError("not found: " + what); }

// Applies one change to the model. Removing something that does not exist succeeds.
class Applier {
 public:
  explicit Applier(Databases* databases, std::string default_partition = "_default")
      : databases_(databases), default_partition_(std::move(default_partition)) {}

  Status operator()(const CreateDatabase& ddl) const {
    databases_->try_emplace(ddl.name);
    return OkStatus();
  }
  Status operator()(const DropDatabase& ddl) const {
    const auto found = databases_->find(ddl.name);
    if (found != databases_->end() && !found->second.empty()) {
      return FailedPreconditionError("database is not empty: " + ddl.name);
    }
    databases_->erase(ddl.name);
    return OkStatus();
  }
  Status operator()(const AlterDatabase& ddl) const {
    return databases_->contains(ddl.name) ? OkStatus() : NotFound(ddl.name);
  }
  Status operator()(const CreateCollection& ddl) const {
    const auto database = databases_->find(ddl.name.database);
    if (database == databases_->end()) {
      return NotFound(ddl.name.database);
    }
    if (IsAlias(ddl.name)) {
      return UnavailableError("the name is an alias: " + ddl.name.ToString());
    }
    TargetCollection collection;
    collection.identity = NewIdentity();
    collection.schema = ddl.schema;
    collection.shards = ddl.shards;
    collection.partitions = {default_partition_};
    collection.default_partition = default_partition_;
    collection.properties = ddl.properties;
    const auto [existing, is_new] =
        database->second.try_emplace(ddl.name.collection, std::move(collection));
    if (is_new || SchemaDifferences(ddl.schema, existing->second.schema).empty()) {
      return OkStatus();
    }
    return AlreadyExistsError("the collection exists with a different schema: " +
                              ddl.name.ToString());
  }
  Status operator()(const DropCollection& ddl) const {
    const TargetCollection* collection = Find(ddl.name);
    if (collection == nullptr) {
      return OkStatus();
    }
    if (!collection->aliases.empty()) {
      return FailedPreconditionError("the collection has aliases: " + ddl.name.ToString());
    }
    databases_->at(ddl.name.database).erase(ddl.name.collection);
    return OkStatus();
  }
  Status operator()(const RenameCollection& ddl) const {
    const auto from = databases_->find(ddl.from.database);
    const auto to = databases_->find(ddl.to.database);
    const TargetCollection* collection = Find(ddl.from);
    if (to == databases_->end()) {
      return NotFound(ddl.to.database);
    }
    if (collection == nullptr) {
      // A repeat: it has already been renamed.
      return Find(ddl.to) != nullptr ? OkStatus() : NotFound(ddl.from.ToString());
    }
    if (Find(ddl.to) != nullptr) {
      return AlreadyExistsError("the collection exists: " + ddl.to.ToString());
    }
    if (IsAlias(ddl.to)) {
      return UnavailableError("the name is an alias: " + ddl.to.ToString());
    }
    if (from != to && !collection->aliases.empty()) {
      return FailedPreconditionError("the collection has aliases: " + ddl.from.ToString());
    }
    auto moved = from->second.extract(ddl.from.collection);
    moved.key() = ddl.to.collection;
    to->second.insert(std::move(moved));
    return OkStatus();
  }
  Status operator()(const AlterCollection& ddl) const {
    return With(ddl.name, [&ddl](TargetCollection* collection) {
      for (const KeyValue& property : ddl.properties) {
        std::erase_if(collection->properties,
                      [&property](const KeyValue& each) { return each.key == property.key; });
        collection->properties.push_back(property);
      }
      return OkStatus();
    });
  }
  Status operator()(const SetAlias& ddl) const {
    return With(ddl.name, [&](TargetCollection* collection) -> Status {
      if (Find({ddl.name.database, ddl.alias}) != nullptr) {
        return FailedPreconditionError("a collection has the name of the alias: " + ddl.alias);
      }
      for (auto& [name, other] : databases_->at(ddl.name.database)) {
        std::erase(other.aliases, ddl.alias);
      }
      collection->aliases.push_back(ddl.alias);
      std::sort(collection->aliases.begin(), collection->aliases.end());
      return OkStatus();
    });
  }
  Status operator()(const DropAlias& ddl) const {
    const auto database = databases_->find(ddl.name.database);
    if (database != databases_->end()) {
      for (auto& [name, collection] : database->second) {
        std::erase(collection.aliases, ddl.alias);
      }
    }
    return OkStatus();
  }
  Status operator()(const CreatePartition& ddl) const {
    return With(ddl.name, [&ddl](TargetCollection* collection) {
      if (!Has(*collection, ddl.partition)) {
        // As in Milvus: in a collection that is loaded as a whole it is loaded at once.
        if (collection->loaded &&
            collection->loaded_partitions.size() == collection->partitions.size()) {
          collection->loaded_partitions.insert(ddl.partition);
        }
        collection->partitions.push_back(ddl.partition);
      }
      return OkStatus();
    });
  }
  Status operator()(const DropPartition& ddl) const {
    return IfThere(ddl.name, [&ddl](TargetCollection* collection) {
      if (collection->loaded_partitions.contains(ddl.partition)) {
        return FailedPreconditionError("the partition is loaded: " + ddl.partition);
      }
      std::erase(collection->partitions, ddl.partition);
      return OkStatus();
    });
  }
  Status operator()(const CreateIndex& ddl) const {
    return With(ddl.name, [&ddl](TargetCollection* collection) {
      for (const TargetIndex& index : collection->indexes) {
        if (index.field == ddl.field) {
          return SameIndexParams(ddl.params, index.params)
                     ? OkStatus()
                     : AlreadyExistsError("the field has another index: " + ddl.field);
        }
      }
      collection->indexes.push_back({ddl.field, ddl.index, ddl.params});
      return OkStatus();
    });
  }
  Status operator()(const DropIndex& ddl) const {
    return IfThere(ddl.name, [&ddl](TargetCollection* collection) {
      if (collection->loaded) {
        return FailedPreconditionError("the collection is loaded: " + ddl.name.ToString());
      }
      std::erase_if(collection->indexes,
                    [&ddl](const TargetIndex& index) { return index.field == ddl.field; });
      return OkStatus();
    });
  }
  Status operator()(const LoadCollection& ddl) const {
    return With(ddl.name, [&ddl](TargetCollection* collection) {
      return Load(collection, collection->partitions, ddl.replicas);
    });
  }
  Status operator()(const ReleaseCollection& ddl) const {
    return IfThere(ddl.name, [](TargetCollection* collection) {
      collection->loaded = false;
      collection->loaded_partitions.clear();
      collection->replicas = 0;
      return OkStatus();
    });
  }
  Status operator()(const LoadPartitions& ddl) const {
    return With(ddl.name, [&ddl](TargetCollection* collection) {
      for (const std::string& partition : ddl.partitions) {
        if (!Has(*collection, partition)) {
          return NotFound(partition);
        }
      }
      return Load(collection, ddl.partitions, ddl.replicas);
    });
  }
  Status operator()(const ReleasePartitions& ddl) const {
    return IfThere(ddl.name, [&ddl](TargetCollection* collection) {
      for (const std::string& partition : ddl.partitions) {
        collection->loaded_partitions.erase(partition);
      }
      collection->loaded = !collection->loaded_partitions.empty();
      collection->replicas = collection->loaded ? collection->replicas : 0;
      return OkStatus();
    });
  }
  Status operator()(const Flush& ddl) const {
    return With(ddl.name, [](TargetCollection*) { return OkStatus(); });
  }

  static bool Has(const TargetCollection& collection, const std::string& partition) {
    return std::find(collection.partitions.begin(), collection.partitions.end(), partition) !=
           collection.partitions.end();
  }

  TargetCollection* Find(const CollectionName& name) const {
    const auto database = databases_->find(name.database);
    if (database == databases_->end()) {
      return nullptr;
    }
    const auto collection = database->second.find(name.collection);
    return collection == database->second.end() ? nullptr : &collection->second;
  }

 private:
  bool IsAlias(const CollectionName& name) const {
    const auto database = databases_->find(name.database);
    return database != databases_->end() &&
           std::any_of(database->second.begin(), database->second.end(), [&](const auto& each) {
             const auto& aliases = each.second.aliases;
             return std::find(aliases.begin(), aliases.end(), name.collection) != aliases.end();
           });
  }

  static Status Load(TargetCollection* collection,
                     const std::vector<std::string>& partitions,
                     int replicas) {
    if (collection->indexes.empty()) {
      return NotFound("an index");
    }
    if (collection->loaded && collection->replicas != replicas) {
      return FailedPreconditionError("loaded with another number of replicas");
    }
    collection->replicas = replicas;
    collection->loaded = true;
    collection->loaded_partitions.insert(partitions.begin(), partitions.end());
    return OkStatus();
  }

  template <class Change>
  Status With(const CollectionName& name, Change change) const {
    TargetCollection* collection = Find(name);
    return collection == nullptr ? NotFound(name.ToString()) : change(collection);
  }

  template <class Change>
  Status IfThere(const CollectionName& name, Change change) const {
    TargetCollection* collection = Find(name);
    return collection == nullptr ? OkStatus() : change(collection);
  }

  Databases* databases_;
  std::string default_partition_;
};

}  // namespace

FakeTarget::FakeTarget() { databases_[kDefaultDatabase]; }

void FakeTarget::Cork() {
  MutexLock lock(mutex_);
  corked_ = true;
}

void FakeTarget::Uncork() {
  {
    MutexLock lock(mutex_);
    corked_ = false;
  }
  Uncork(SIZE_MAX);
}

void FakeTarget::Uncork(size_t count) {
  for (; count > 0; --count) {
    PendingWrite write;
    {
      MutexLock lock(mutex_);
      if (pending_.empty()) {
        return;
      }
      write = std::move(pending_.front());
      pending_.pop_front();
    }
    End(std::move(write));
  }
}

size_t FakeTarget::corked() const {
  MutexLock lock(mutex_);
  return pending_.size();
}

void FakeTarget::FailNextWrite(Status status, bool in_doubt) {
  MutexLock lock(mutex_);
  write_failures_.push_back({std::move(status), in_doubt});
}

void FakeTarget::FailNextDdl(Status status) {
  MutexLock lock(mutex_);
  ddl_failures_.push_back(std::move(status));
}

void FakeTarget::FailConnect(Status status) {
  MutexLock lock(mutex_);
  connect_status_ = std::move(status);
}

void FakeTarget::SetPulse(Result<std::string> identity) {
  MutexLock lock(mutex_);
  pulse_ = std::move(identity);
}

void FakeTarget::CorkPulse() {
  MutexLock lock(mutex_);
  pulse_corked_ = true;
}

void FakeTarget::UncorkPulse() {
  {
    MutexLock lock(mutex_);
    pulse_corked_ = false;
  }
  EndPulses(std::nullopt);
}

size_t FakeTarget::pulses() const {
  MutexLock lock(mutex_);
  return pulses_;
}

void FakeTarget::AskPulse(std::chrono::milliseconds, PulseDone done) {
  Result<std::string> answer = std::string();
  {
    MutexLock lock(mutex_);
    ++pulses_;
    if (pulse_corked_) {
      pulse_waits_.push_back(std::move(done));
      return;
    }
    answer = pulse_;
  }
  done(answer);
}

void FakeTarget::EndPulses(const std::optional<Status>& failure) {
  std::vector<PulseDone> waits;
  Result<std::string> answer = std::string();
  {
    MutexLock lock(mutex_);
    waits.swap(pulse_waits_);
    answer = failure.has_value() ? Result<std::string>(*failure) : pulse_;
  }
  for (const PulseDone& done : waits) {
    done(answer);
  }
}

std::vector<FakeTarget::WrittenBatch> FakeTarget::batches() const {
  MutexLock lock(mutex_);
  return batches_;
}

std::vector<Ddl> FakeTarget::ddl() const {
  MutexLock lock(mutex_);
  return ddl_;
}

uint64_t FakeTarget::rows_of(RowOp op) const {
  MutexLock lock(mutex_);
  uint64_t rows = 0;
  for (const WrittenBatch& written : batches_) {
    rows += written.status.ok() && written.batch.op == op ? written.batch.rows : 0;
  }
  return rows;
}

size_t FakeTarget::missed() const {
  MutexLock lock(mutex_);
  return missed_;
}

void FakeTarget::NameDefaultPartition(std::string name) {
  MutexLock lock(mutex_);
  default_partition_ = std::move(name);
}

size_t FakeTarget::max_in_progress() const {
  MutexLock lock(mutex_);
  return max_in_progress_;
}

void FakeTarget::CheckNames(bool check) {
  MutexLock lock(mutex_);
  check_names_ = check;
}

void FakeTarget::SetTraits(TargetTraits traits) {
  MutexLock lock(mutex_);
  traits_ = traits;
}

Result<MetadataSink::Connected> FakeTarget::Connect(std::chrono::milliseconds,
                                                    const std::stop_token&) {
  MutexLock lock(mutex_);
  CDC_RETURN_IF_ERROR(connect_status_);
  CDC_ASSIGN_OR_RETURN(std::string identity, pulse_);
  return Connected{.version = "fake", .identity = std::move(identity), .traits = traits_};
}

Result<std::vector<std::string>> FakeTarget::ListDatabases(const std::stop_token&) {
  MutexLock lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, collections] : databases_) {
    names.push_back(name);
  }
  return names;
}

Result<std::optional<TargetCollection>> FakeTarget::DescribeCollection(const CollectionName& name,
                                                                       const std::stop_token&) {
  MutexLock lock(mutex_);
  const TargetCollection* collection = Applier(&databases_).Find(name);
  return collection == nullptr ? std::optional<TargetCollection>() : std::optional(*collection);
}

Status FakeTarget::Apply(const Ddl& ddl, const std::stop_token&) {
  MutexLock lock(mutex_);
  if (!ddl_failures_.empty()) {
    Status status = std::move(ddl_failures_.front());
    ddl_failures_.pop_front();
    return status;
  }
  CDC_RETURN_IF_ERROR(std::visit(Applier(&databases_, default_partition_), ddl));
  ddl_.push_back(ddl);
  return OkStatus();
}

void FakeTarget::Write(const RowBatch& batch, WriteDone done) {
  PendingWrite write{batch, std::move(done)};
  {
    MutexLock lock(mutex_);
    max_in_progress_ = std::max(max_in_progress_, pending_.size() + 1);
    // After the writes that wait, even if they are being uncorked right now.
    if (corked_ || !pending_.empty()) {
      pending_.push_back(std::move(write));
      return;
    }
  }
  End(std::move(write));
}

void FakeTarget::CancelWrites() {
  std::deque<PendingWrite> cancelled;
  {
    MutexLock lock(mutex_);
    cancelled.swap(pending_);
  }
  for (PendingWrite& write : cancelled) {
    write.done({CancelledError("cancelled"), /*in_doubt=*/true});
  }
  EndPulses(CancelledError("cancelled"));
}

WriteResult FakeTarget::Execute(const RowBatch& batch) {
  MutexLock lock(mutex_);
  Failure failure;
  if (!write_failures_.empty()) {
    failure = std::move(write_failures_.front());
    write_failures_.pop_front();
  } else if (check_names_) {
    const TargetCollection* collection = Applier(&databases_).Find(batch.target);
    if (collection == nullptr) {
      failure.status = NotFound(batch.target.ToString());
    } else if (!batch.partition.empty() && !Applier::Has(*collection, batch.partition)) {
      failure.status = NotFound(batch.partition);
    }
    missed_ += failure.status.ok() ? 0U : 1U;
  }
  if (failure.status.ok() || failure.in_doubt) {
    batches_.push_back({batch, failure.status});
  }
  return {failure.status, failure.in_doubt};
}

void FakeTarget::End(PendingWrite write) {
  const WriteResult result = Execute(write.batch);
  write.done(result);
}

}  // namespace cdc
