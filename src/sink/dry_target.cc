#include "sink/dry_target.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <spdlog/spdlog.h>

#include "base/mutex.h"
#include "base/thread.h"
#include "sink/ddl_collections.h"
#include "sink/target_model.h"

namespace cdc {
namespace {

class DryRows final : public RowSink {
 public:
  explicit DryRows(const DryTargetOptions* options)
      : options_(*options), thread_("cdc-dry-run", [this](const std::stop_token& stop) {
          while (!stop.stop_requested()) {
            Pause(options_.summary_interval, stop);
            Summarize();
          }
        }) {}

  void Write(const RowBatch& batch, WriteDone done) override {
    {
      MutexLock lock(mutex_);
      Counts& counts = counts_[batch.target];
      (batch.op == RowOp::kInsert   ? counts.inserted
       : batch.op == RowOp::kUpsert ? counts.upserted
                                    : counts.deleted) += batch.rows;
    }
    done({});
  }
  void CancelWrites() override {}  // none is ever in progress

 private:
  struct Counts {
    uint64_t inserted = 0;
    uint64_t upserted = 0;
    uint64_t deleted = 0;
  };

  void Summarize() {
    std::map<CollectionName, Counts> counts;
    {
      MutexLock lock(mutex_);
      counts.swap(counts_);
    }
    for (const auto& [collection, rows] : counts) {
      spdlog::info("task={} dry run: would write rows to {}, inserted={} upserted={} deleted={}",
                   options_.task_id, collection.ToString(), rows.inserted, rows.upserted,
                   rows.deleted);
    }
  }

  const DryTargetOptions& options_;
  Mutex mutex_;
  std::map<CollectionName, Counts> counts_ CDC_GUARDED_BY(mutex_);  // since the last summary
  Thread thread_;  // nothing may be declared after it: it uses what is above
};

// The database that a change is about; empty: none.
std::string DatabaseOf(const Ddl& ddl) {
  return std::visit(
      [](const auto& change) -> std::string {
        using Change = std::decay_t<decltype(change)>;
        if constexpr (std::is_same_v<Change, RenameCollection>) {
          return "";
        } else if constexpr (std::is_same_v<decltype(change.name), std::string>) {
          return change.name;
        } else {
          return "";
        }
      },
      ddl);
}

class DryMetadata final : public MetadataSink, public TargetCatalog {
 public:
  DryMetadata(MetadataSink* real, bool is_standby) : real_(real), is_standby_(is_standby) {}

  Result<Connected> Connect(std::chrono::milliseconds timeout,
                            const std::stop_token& stop) override {
    Result<Connected> connected = real_->Connect(timeout, stop);
    if (connected.ok() && is_standby_) {
      connected->traits = {.keeps_auto_id = true, .same_shards = true};
    }
    return connected;
  }
  TargetCatalog* catalog() override { return this; }

  Result<std::vector<std::string>> ListDatabases(const std::stop_token& stop) override {
    CDC_ASSIGN_OR_RETURN(std::vector<std::string> names, real_->catalog()->ListDatabases(stop));
    MutexLock lock(mutex_);
    for (const std::string& name : databases_) {
      std::erase(names, name);
      if (model_.databases().contains(name)) {
        names.push_back(name);
      }
    }
    return names;
  }

  Result<std::optional<TargetCollection>> DescribeCollection(const CollectionName& name,
                                                             const std::stop_token& stop) override {
    {
      MutexLock lock(mutex_);
      if (IsChanged(name)) {
        const TargetCollection* const found = model_.Find(name);
        return found == nullptr ? std::optional<TargetCollection>() : std::optional(*found);
      }
    }
    return real_->catalog()->DescribeCollection(name, stop);
  }

  Status Apply(const Ddl& ddl, const std::stop_token& stop) override {
    for (const CollectionName& name : CollectionsOf(ddl)) {
      CDC_RETURN_IF_ERROR(Fetch(name, stop));
    }
    const std::string database = DatabaseOf(ddl);
    if (!database.empty()) {
      CDC_RETURN_IF_ERROR(FetchDatabase(database, stop));
    }
    MutexLock lock(mutex_);
    CDC_RETURN_IF_ERROR(model_.Apply(ddl));
    if (std::holds_alternative<CreateDatabase>(ddl) || std::holds_alternative<DropDatabase>(ddl)) {
      databases_.insert(database);
    }
    return OkStatus();
  }

 private:
  bool IsChanged(const CollectionName& name) const CDC_REQUIRES(mutex_) {
    return collections_.contains(name) || databases_.contains(name.database);
  }

  // Takes a collection into the model, before it is changed there for the first time.
  Status Fetch(const CollectionName& name, const std::stop_token& stop) {
    CDC_RETURN_IF_ERROR(FetchDatabase(name.database, stop));
    CDC_ASSIGN_OR_RETURN(std::optional<TargetCollection> real, DescribeCollection(name, stop));
    MutexLock lock(mutex_);
    if (collections_.insert(name).second && real.has_value() &&
        model_.databases().contains(name.database)) {
      model_.databases()[name.database].emplace(name.collection, *std::move(real));
    }
    return OkStatus();
  }

  Status FetchDatabase(const std::string& name, const std::stop_token& stop) {
    {
      MutexLock lock(mutex_);
      if (databases_.contains(name) || model_.databases().contains(name)) {
        return OkStatus();
      }
    }
    Result<std::vector<std::string>> real = real_->catalog()->ListDatabases(stop);
    if (real.status().code() == StatusCode::kUnimplemented) {
      real = std::vector<std::string>{kDefaultDatabase};  // too old to know databases
    }
    CDC_RETURN_IF_ERROR(real.status());
    if (std::find(real->begin(), real->end(), name) != real->end()) {
      MutexLock lock(mutex_);
      model_.databases()[name];
    }
    return OkStatus();
  }

  MetadataSink* const real_;
  const bool is_standby_;
  mutable Mutex mutex_;
  // Has what is in the two sets, and the databases that these need.
  TargetModel model_ CDC_GUARDED_BY(mutex_);
  std::set<CollectionName> collections_ CDC_GUARDED_BY(mutex_);
  std::set<std::string> databases_ CDC_GUARDED_BY(mutex_);  // made or dropped, with all in them
};

// A collection that has been made here has no rows, whatever the real target has of this name.
class DryKeys final : public KeyReader {
 public:
  DryKeys(KeyReader* real, DryMetadata* metadata) : real_(real), metadata_(metadata) {}

  bool has_keys_by_partition() const override { return real_->has_keys_by_partition(); }
  Result<KeyPage> ReadKeys(const KeyScope& scope,
                           const std::optional<PrimaryKey>& after,
                           const std::stop_token& stop) override {
    CDC_ASSIGN_OR_RETURN(const std::optional<TargetCollection> here,
                         metadata_->DescribeCollection(scope.target, stop));
    if (here.has_value() && TargetModel::HasMade(*here)) {
      return KeyPage();
    }
    Result<KeyPage> page = real_->ReadKeys(scope, after, stop);
    // Of a partition that has been made here.
    return page.status().code() == StatusCode::kNotFound ? Result<KeyPage>(KeyPage()) : page;
  }

 private:
  KeyReader* const real_;
  DryMetadata* const metadata_;
};

class DryAccess final : public AccessSink {
 public:
  explicit DryAccess(AccessSink* real) : real_(real) {}

  Result<AccessSet> ListUsersAndRoles(const std::stop_token& stop) override {
    CDC_ASSIGN_OR_RETURN(AccessSet items, real_->ListUsersAndRoles(stop));
    MutexLock lock(mutex_);
    for (const auto& [item, exists] : changed_) {
      if (item.kind != AccessItem::Kind::kGrant) {
        Set(item, exists, &items);
      }
    }
    return items;
  }
  Result<AccessSet> ListGrants(const std::string& role,
                               const std::string& database,
                               const std::stop_token& stop) override {
    AccessSet items;
    if (!IsChanged(AccessItem::Role(role))) {  // else the real target may not know it
      CDC_ASSIGN_OR_RETURN(items, real_->ListGrants(role, database, stop));
    }
    MutexLock lock(mutex_);
    for (const auto& [item, exists] : changed_) {
      if (item.kind == AccessItem::Kind::kGrant && item.role == role && item.database == database) {
        Set(item, exists, &items);
      }
    }
    return items;
  }
  Status Apply(const AccessChange& change, const std::stop_token& /*stop*/) override {
    if (change.add && change.item.kind == AccessItem::Kind::kUser) {
      return {StatusCode::kUnimplemented, "a user cannot be added without a password"};
    }
    Change(change.item, change.add);
    return OkStatus();
  }
  Status CreateUser(const std::string& user,
                    const std::string& /*password*/,
                    const std::stop_token& /*stop*/) override {
    Change(AccessItem::User(user), true);
    return OkStatus();
  }
  // As if the old one were right: to try would be to change it.
  Result<bool> ChangePassword(const std::string& /*user*/,
                              const std::string& /*old_password*/,
                              const std::string& /*new_password*/,
                              const std::stop_token& /*stop*/) override {
    return true;
  }

 private:
  static void Set(const AccessItem& item, bool exists, AccessSet* items) {
    if (exists) {
      items->insert(item);
    } else {
      items->erase(item);
    }
  }
  void Change(const AccessItem& item, bool exists) {
    MutexLock lock(mutex_);
    changed_[item] = exists;
  }
  bool IsChanged(const AccessItem& item) const {
    MutexLock lock(mutex_);
    return changed_.contains(item);
  }

  AccessSink* const real_;
  mutable Mutex mutex_;
  std::map<AccessItem, bool> changed_ CDC_GUARDED_BY(mutex_);  // whether it exists now
};

class DryTarget final : public Target {
 public:
  DryTarget(std::unique_ptr<Target> target, DryTargetOptions options)
      : target_(std::move(target)),
        options_(std::move(options)),
        metadata_(&target_->metadata(), options_.is_standby),
        keys_(target_->keys(), &metadata_),
        access_(target_->access()),
        rows_(&options_) {}

  RowSink& rows() override { return rows_; }
  MetadataSink& metadata() override { return metadata_; }
  KeyReader* keys() override { return target_->keys() == nullptr ? nullptr : &keys_; }
  AccessSink* access() override { return target_->access() == nullptr ? nullptr : &access_; }
  std::vector<TargetTick> SentTicks() const override { return {}; }
  std::vector<TargetRows> LastRows() const override { return {}; }
  void AskPulse(std::chrono::milliseconds timeout, PulseDone done) override {
    target_->AskPulse(timeout, std::move(done));
  }

 private:
  const std::unique_ptr<Target> target_;
  const DryTargetOptions options_;
  DryMetadata metadata_;
  DryKeys keys_;
  DryAccess access_;
  DryRows rows_;
};

}  // namespace

std::unique_ptr<Target> NewDryTarget(std::unique_ptr<Target> target, DryTargetOptions options) {
  return std::make_unique<DryTarget>(std::move(target), std::move(options));
}

}  // namespace cdc
