#include "sink/target_model.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <variant>

#include "model/index_params.h"

namespace cdc {
namespace {

using Databases = TargetModel::Databases;

constexpr const char* kIdentityPrefix = "model@";

// No two collections on any servers have the same identity.
std::string NewIdentity() {
  static std::atomic<int> made = 0;
  return kIdentityPrefix + std::to_string(++made);
}

Status NotFound(const std::string& what) { return NotFoundError("not found: " + what); }

TargetCollection* FindIn(Databases* databases, const CollectionName& name) {
  const auto database = databases->find(name.database);
  if (database == databases->end()) {
    return nullptr;
  }
  const auto collection = database->second.find(name.collection);
  return collection == database->second.end() ? nullptr : &collection->second;
}

// Applies one change to the model. Removing something that does not exist succeeds.
class Applier {
 public:
  Applier(Databases* databases, const std::string& default_partition)
      : databases_(databases), default_partition_(default_partition) {}

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
    if (ddl.num_partitions > 0) {
      for (int i = 0; i < ddl.num_partitions; ++i) {
        collection.partitions.push_back(default_partition_ + "_" + std::to_string(i));
      }
    } else {
      collection.partitions = {default_partition_};
      collection.default_partition = default_partition_;
    }
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
      if (!TargetModel::HasPartition(*collection, ddl.partition)) {
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
        if (!TargetModel::HasPartition(*collection, partition)) {
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

 private:
  TargetCollection* Find(const CollectionName& name) const { return FindIn(databases_, name); }
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
  const std::string& default_partition_;
};

}  // namespace

bool TargetModel::HasMade(const TargetCollection& collection) {
  return collection.identity.starts_with(kIdentityPrefix);
}

bool TargetModel::HasPartition(const TargetCollection& collection, const std::string& partition) {
  return std::find(collection.partitions.begin(), collection.partitions.end(), partition) !=
         collection.partitions.end();
}

Status TargetModel::Apply(const Ddl& ddl) {
  return std::visit(Applier(&databases_, default_partition_), ddl);
}

TargetCollection* TargetModel::Find(const CollectionName& name) {
  return FindIn(&databases_, name);
}

}  // namespace cdc
