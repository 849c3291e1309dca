#include "model/catalog.h"

#include <algorithm>

namespace cdc {

const Partition* Collection::FindPartition(PartitionId partition) const {
  const auto found =
      std::find_if(partitions.begin(), partitions.end(),
                   [partition](const Partition& each) { return each.id == partition; });
  return found == partitions.end() ? nullptr : &*found;
}

std::shared_ptr<const Collection> Catalog::Find(CollectionId id) const {
  const auto found = collections.find(id);
  return found == collections.end() ? nullptr : found->second;
}

namespace {

std::string NameKey(DatabaseId database, const std::string& name) {
  return std::to_string(database.value) + "/" + name;
}

}  // namespace

std::shared_ptr<const Collection> Catalog::FindByName(DatabaseId database,
                                                      const std::string& name) const {
  const auto found = names.find(NameKey(database, name));
  return found == names.end() ? nullptr : Find(found->second);
}

std::optional<DatabaseId> Catalog::FindDatabase(const std::string& name) const {
  const auto found = std::find_if(databases.begin(), databases.end(),
                                  [&name](const auto& each) { return each.second->name == name; });
  if (found != databases.end()) {
    return found->first;
  }
  return name == kDefaultDatabase ? std::optional(kDefaultDatabaseId) : std::nullopt;
}

void Catalog::IndexNames() {
  names.clear();
  for (const auto& [id, collection] : collections) {
    if (collection->state != ObjectState::kCreated) {
      continue;
    }
    const auto [name, added] = names.emplace(NameKey(collection->database, collection->name), id);
    if (!added && collections.at(name->second)->created < collection->created) {
      name->second = id;
    }
  }
}

std::string Catalog::DatabaseName(DatabaseId id) const {
  const auto found = databases.find(id);
  if (found != databases.end()) {
    return found->second->name;
  }
  return id == kDefaultDatabaseId ? kDefaultDatabase : "";
}

std::string Catalog::Identity() const {
  const auto found = databases.find(kDefaultDatabaseId);
  return found == databases.end() || found->second->created_ns == 0
             ? ""
             : std::to_string(found->second->created_ns);
}

}  // namespace cdc
