#include <algorithm>
#include <utility>

#include "pipeline/reconciler.h"

// How the reconciler removes: collections, partitions and databases, each after its last rows.
namespace cdc {
namespace {

// Whether the partition has to be released before it can be dropped.
bool IsLoaded(const TargetCollection& actual, const std::string& partition) {
  return actual.loads_partitions && actual.loaded_partitions.contains(partition);
}

}  // namespace

// Another collection that is being removed may still hold the name on the target.
Status Reconciler::FreeName(CollectionId id, const Entry& entry) {
  for (auto& [other_id, other] : entries_) {
    if (other_id == id || other.target != entry.target) {
      continue;
    }
    if (other.Exists()) {
      return FailedPreconditionError("two collections of the source have this name on the target");
    }
    CDC_ASSIGN_OR_RETURN(const bool removed, RemoveCollection(other_id, other, true));
    if (!removed) {
      return UnavailableError("waits for the removal of the older collection of this name");
    }
    Forget(other_id);
    return FreeName(id, entry);
  }
  return OkStatus();
}

// The collection is gone from both sides.
void Reconciler::Forget(CollectionId id) {
  const auto found = entries_.find(id);
  parts_.conditions->Set("search on " + found->second.target.ToString(), OkStatus());
  parts_.router->Forget(id);
  parts_.writer->Forget(id);
  entries_.erase(found);
}

// Rows of partitions that the catalog no longer has, and that were never made on the target.
void Reconciler::DiscardGonePartitions(
    const std::map<CollectionId, std::set<PartitionId>>& waiting) {
  for (const auto& [id, partitions] : waiting) {
    const auto found = entries_.find(id);
    if (found == entries_.end() || !found->second.Exists() ||
        found->second.source->schema.HasPartitionKey() || parts_.ignore_partition) {
      continue;
    }
    const Entry& entry = found->second;
    for (const PartitionId partition : partitions) {
      if (partition != kAllPartitions && entry.source->FindPartition(partition) == nullptr &&
          !entry.partitions.contains(partition)) {
        parts_.writer->DiscardPartition(id, partition);
      }
    }
  }
}

Status Reconciler::RemovePartitions(CollectionId id, Entry& entry) {
  if (entry.source->schema.HasPartitionKey() || parts_.ignore_partition) {
    return OkStatus();
  }
  std::set<std::string> names;
  bool added = false;
  for (const Partition& partition : entry.source->partitions) {
    if (partition.state == ObjectState::kCreated) {
      added =
          entry.partitions.try_emplace(partition.id, PartitionEntry{partition.name, {}}).second ||
          added;
      names.insert(partition.name);
    } else if (!entry.partitions.contains(partition.id)) {
      parts_.writer->DiscardPartition(id, partition.id);  // removed before it was ever created
    }
  }
  if (added) {
    CDC_RETURN_IF_ERROR(Record(id, entry));
  }
  for (auto each = entry.partitions.begin(); each != entry.partitions.end();) {
    auto& [partition, known] = *each;
    const Partition* now = entry.source->FindPartition(partition);
    if (now != nullptr && now->state == ObjectState::kCreated) {
      ++each;
      continue;
    }
    if (!known.removal.has_value()) {
      known.removal = Removal();
      for (const std::string& channel : entry.pchannels) {
        CDC_ASSIGN_OR_RETURN(known.removal->ends[channel], parts_.log->Latest(channel));
      }
    }
    const bool name_taken = names.contains(known.name);
    if (!name_taken) {
      CDC_ASSIGN_OR_RETURN(const bool drained, Drained(entry, *known.removal));
      if (!drained || !parts_.writer->PartitionIdle(id, partition)) {
        ++each;
        continue;
      }
    }
    parts_.writer->DiscardPartition(id, partition);
    if (!parts_.writer->PartitionIdle(id, partition)) {
      ++each;
      continue;
    }
    if (IsLoaded(*entry.actual, known.name)) {
      CDC_RETURN_IF_ERROR(Apply(ReleasePartitions{entry.target, {known.name}}));
    }
    CDC_RETURN_IF_ERROR(Apply(DropPartition{entry.target, known.name}));
    each = entry.partitions.erase(each);
    CDC_RETURN_IF_ERROR(Record(id, entry));
    entry.done.reset();  // a new partition of this name has to be created
    CDC_RETURN_IF_ERROR(LookAgain(entry));
  }
  return OkStatus();
}

Result<bool> Reconciler::Drained(const Entry& entry, Removal& removal) {
  if (!removal.drained) {
    removal.drained = std::all_of(entry.pchannels.begin(), entry.pchannels.end(),
                                  [&](const std::string& channel) {
                                    return parts_.router->HasReadTo(channel, removal.ends[channel]);
                                  });
  }
  return removal.drained;
}

// Returns whether the collection is gone from the target.
Result<bool> Reconciler::RemoveCollection(CollectionId id, Entry& entry, bool at_once) {
  if (!entry.removal.has_value()) {
    entry.removal = Removal();
    for (const std::string& channel : entry.pchannels) {
      CDC_ASSIGN_OR_RETURN(entry.removal->ends[channel], parts_.log->Latest(channel));
    }
  }
  // Never begun since the start: its rows are not worth writing.
  at_once = at_once || entry.done == nullptr;
  if (!at_once) {
    CDC_ASSIGN_OR_RETURN(const bool drained, Drained(entry, *entry.removal));
    if (!drained || !parts_.writer->Idle(id)) {
      return false;
    }
  }
  parts_.writer->Discard(id);
  if (!parts_.writer->Idle(id)) {
    return false;
  }
  if (entry.on_target) {
    CDC_RETURN_IF_ERROR(Apply(DropCollection{entry.target}));
  }
  if (entry.recorded) {
    CDC_RETURN_IF_ERROR(parts_.store->RemoveCollection(parts_.task_id, id));
  }
  return true;
}

Status Reconciler::DropDatabases(const Catalog& catalog) {
  std::set<std::string> existing;
  for (const auto& [id, database] : catalog.databases) {
    existing.insert(database->name);
  }
  for (auto name = source_databases_.begin(); name != source_databases_.end();) {
    const bool in_use = std::any_of(entries_.begin(), entries_.end(), [&](const auto& each) {
      return each.second.target.database == *name;
    });
    if (existing.contains(*name) || in_use) {
      ++name;
      continue;
    }
    CDC_RETURN_IF_ERROR(Apply(DropDatabase{*name}));
    CDC_RETURN_IF_ERROR(parts_.store->RemoveDatabase(parts_.task_id, *name));
    target_databases_->erase(*name);
    name = source_databases_.erase(name);
  }
  return OkStatus();
}

}  // namespace cdc
