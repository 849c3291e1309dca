#include <algorithm>
#include <iterator>
#include <utility>

#include "reconcile/plan.h"
#include "reconcile/reconciler.h"

// How the reconciler removes: collections and partitions, each after its last rows.
namespace cdc {
namespace {

// Whether the partition has to be released before it can be dropped.
bool IsLoaded(const TargetCollection& actual, const std::string& partition) {
  return actual.loads_partitions && actual.loaded_partitions.contains(partition);
}

}  // namespace

// The collection is gone from both sides.
void Reconciler::Forget(CollectionId id) {
  const auto found = entries_.find(id);
  ClearConditions(found->second.target);
  Unclaim(found->second);
  parts_.routes->Forget(id);
  parts_.gates->Forget(id);
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
        parts_.gates->DiscardPartition(id, partition);
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
      parts_.gates->DiscardPartition(id, partition.id);  // removed before it was ever created
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
    // Of several lives of a name that are over the last one is dropped, and takes the rows of all.
    const bool others_turn =
        !HasPartition(*entry.actual, known.name) ||
        std::any_of(std::next(each), entry.partitions.end(), [&](const auto& later) {
          return later.second.name == known.name && !names.contains(known.name);
        });
    if (!names.contains(known.name) && !others_turn) {
      CDC_ASSIGN_OR_RETURN(const bool drained, Drained(entry, *known.removal));
      if (!drained || !parts_.gates->PartitionIdle(id, partition)) {
        ++each;
        continue;
      }
    }
    parts_.gates->DiscardPartition(id, partition);
    if (!parts_.gates->PartitionIdle(id, partition)) {
      ++each;
      continue;
    }
    if (!others_turn) {
      if (IsLoaded(*entry.actual, known.name)) {
        CDC_RETURN_IF_ERROR(Apply(ReleasePartitions{entry.target, {known.name}}));
      }
      CDC_RETURN_IF_ERROR(Apply(DropPartition{entry.target, known.name}));
    }
    const auto gone = std::pair(partition, known);
    each = entry.partitions.erase(each);
    if (const Status recorded = Record(id, entry); !recorded.ok()) {
      entry.partitions.insert(gone);  // as long as the store tells of it
      return recorded;
    }
    entry.done.reset();  // a new partition of this name has to be created
    CDC_RETURN_IF_ERROR(LookAgain(entry));
  }
  return OkStatus();
}

Result<bool> Reconciler::Drained(const Entry& entry, Removal& removal) {
  if (!removal.drained) {
    removal.drained = std::all_of(entry.pchannels.begin(), entry.pchannels.end(),
                                  [&](const std::string& channel) {
                                    return parts_.routes->HasReadTo(channel, removal.ends[channel]);
                                  });
  }
  return removal.drained;
}

// Nothing of this name keeps the task waiting any more.
void Reconciler::ClearConditions(const CollectionName& target) {
  const std::string name = " " + target.ToString();
  parts_.conditions->Set("collection" + name, OkStatus());
  parts_.conditions->SetWaiting("rename of" + name, OkStatus());
  for (const std::string& thing : ThingsBesideRows()) {
    parts_.conditions->SetWaiting(thing + name, OkStatus());
  }
}

// An alias that is left behind would hide a later collection of its name, and keep some servers
// from dropping this one.
Status Reconciler::DropAliases(const CollectionName& target) {
  CDC_ASSIGN_OR_RETURN(const auto now, DescribeTarget(target));
  for (const std::string& alias : now.has_value() ? now->aliases : std::vector<std::string>{}) {
    CDC_RETURN_IF_ERROR(Apply(DropAlias{target, alias}));
  }
  return OkStatus();
}

// Returns whether the collection is gone from the target.
Result<bool> Reconciler::RemoveCollection(CollectionId id, Entry& entry, bool at_once) {
  CDC_RETURN_IF_ERROR(SettleRename(id, entry));
  parts_.gates->Reopen(id, entry.target);  // a rename may have been waiting
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
    if (!drained || !parts_.gates->Idle(id)) {
      return false;
    }
  }
  parts_.gates->Discard(id);
  if (!parts_.gates->Idle(id)) {
    return false;
  }
  if (entry.on_target) {
    CDC_RETURN_IF_ERROR(DropAliases(entry.target));
    CDC_RETURN_IF_ERROR(Apply(DropCollection{entry.target}));
  }
  if (entry.recorded) {
    CDC_RETURN_IF_ERROR(parts_.store->RemoveCollection(parts_.task_id, id));
  }
  return true;
}

}  // namespace cdc
