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
