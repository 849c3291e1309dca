#include "reconcile/partition_reconciler.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <spdlog/spdlog.h>

#include "reconcile/plan/plan.h"

namespace cdc {
namespace {

// Milvus refuses to drop a loaded partition, so it has to be released first. Whether it is loaded
// is not asked: Milvus loads a partition that is created in a loaded collection by itself, and
// releases one that is not loaded without complaint. A target that loads only whole collections
// (Milvus Lite) cannot release a partition.
bool MayBeLoaded(const TargetCollection& actual) {
  return actual.loads_partitions && actual.loaded;
}

// A part of the task's condition.
std::string DropPart(const CollectionName& collection, const std::string& partition) {
  return "drop of partition " + partition + " of " + collection.ToString();
}

bool Exists(const Partition* partition) {
  return partition != nullptr && partition->state == ObjectState::kCreated;
}

}  // namespace

Status PartitionReconciler::RemoveGone(const Collection& source,
                                       const std::optional<TargetCollection>& actual,
                                       const std::function<Status()>& on_removed) {
  if (ManagesNone(source)) {
    return OkStatus();
  }
  CDC_ASSIGN_OR_RETURN(const std::set<std::string> wanted, RecordNew(source));
  const std::map<PartitionId, std::string> known = (*record_)->partitions;  // Save changes them
  for (const auto& [partition, name] : known) {
    if (Exists(source.FindPartition(partition))) {
      removals_.erase(partition);
      continue;
    }
    if (left_.contains(partition) && !wanted.contains(name)) {
      continue;
    }
    CDC_ASSIGN_OR_RETURN(const bool removed, Remove(partition, *actual, wanted));
    if (!removed) {
      continue;
    }
    // The removal stays in removals_ until the store has forgotten the partition, so that a failed
    // Save is repeated.
    auto next = **record_;
    next.partitions.erase(partition);
    CDC_RETURN_IF_ERROR(record_->Save(std::move(next)));
    removals_.erase(partition);
    if (left_.erase(partition) > 0) {
      context_->conditions->SetWaiting(DropPart((*record_)->target, name), OkStatus());
    }
    CDC_RETURN_IF_ERROR(on_removed());
  }
  return OkStatus();
}

// Partitions are recorded before they are created, so that a drop is replicated even after a crash,
// and so that partitions that only the target has are never dropped.
Result<std::set<std::string>> PartitionReconciler::RecordNew(const Collection& source) {
  std::set<std::string> wanted;
  auto next = **record_;
  for (const Partition& partition : source.partitions) {
    if (Exists(&partition)) {
      next.partitions.try_emplace(partition.id, partition.name);
      wanted.insert(partition.name);
    } else if (!next.partitions.contains(partition.id)) {
      context_->gates->DiscardPartition(source.id, partition.id);  // dropped before it was created
    }
  }
  if (next.partitions.size() > (*record_)->partitions.size()) {
    CDC_RETURN_IF_ERROR(record_->Save(std::move(next)));
  }
  return wanted;
}

Result<bool> PartitionReconciler::Remove(PartitionId partition,
                                         const TargetCollection& actual,
                                         const std::set<std::string>& wanted) {
  const ReplicatedCollection& record = **record_;
  const std::string name = record.partitions.at(partition);
  auto removal = removals_.find(partition);
  if (removal == removals_.end()) {
    CDC_ASSIGN_OR_RETURN(Removal begun, Removal::Begin(*context_, record.pchannels));
    removal = removals_.emplace(partition, std::move(begun)).first;
  }
  // If several dropped partitions had this name, the target has one partition with the rows of all
  // of them, and only the last one drops it; the first one if a new partition needs the name.
  const bool left_to_later = !HasPartition(actual, name) ||
                             std::any_of(std::next(record.partitions.find(partition)),
                                         record.partitions.end(), [&](const auto& later) {
                                           return later.second == name && !wanted.contains(name);
                                         });
  // Rows of a partition that is about to be replaced are not worth waiting for.
  const bool at_once = wanted.contains(name) || left_to_later;
  RowGates& gates = *context_->gates;
  if (!at_once && !(removal->second.HasReadAll(*context_->routes) &&
                    gates.PartitionIdle(record.id, partition))) {
    return false;
  }
  if (!at_once && !removal->second.in_time()) {
    context_->conditions->SetWaiting(
        DropPart(record.target, name),
        FailedPreconditionError("it is left on the target: the source has dropped it, and perhaps "
                                "not before stop_at"));
    left_.insert(partition);
    removals_.erase(removal);
    return false;
  }
  // A call in flight could reach a new partition of this name.
  gates.DiscardPartition(record.id, partition);
  if (!gates.PartitionIdle(record.id, partition)) {
    return false;
  }
  if (!left_to_later) {
    if (MayBeLoaded(actual)) {
      CDC_RETURN_IF_ERROR(context_->target->Apply(ReleasePartitions{record.target, {name}}));
    }
    CDC_RETURN_IF_ERROR(context_->target->Apply(DropPartition{record.target, name}));
  }
  return true;
}

// The default partition cannot be dropped, and with a partition key the target has them all.
Status PartitionReconciler::RemoveForeign(const Collection& source, TargetCollection* actual) {
  if (source.schema.HasPartitionKey()) {
    return OkStatus();
  }
  std::set<std::string> ours{actual->default_partition};
  if (!context_->ignore_partition) {
    for (const Partition& partition : source.partitions) {
      if (Exists(&partition)) {
        ours.insert(TargetPartition(source, partition, *actual));
      }
    }
    for (const auto& [partition, name] : (*record_)->partitions) {
      ours.insert(name);  // RemoveGone drops it
    }
  }
  const CollectionName& target = (*record_)->target;
  const std::vector<std::string> found = actual->partitions;
  for (const std::string& name : found) {
    if (ours.contains(name)) {
      continue;
    }
    spdlog::warn(
        "task={} partition {} of collection {} is dropped on the target: it is not the source's",
        context_->task_id, name, target.ToString());
    if (MayBeLoaded(*actual)) {
      CDC_RETURN_IF_ERROR(context_->target->Apply(ReleasePartitions{target, {name}}));
    }
    CDC_RETURN_IF_ERROR(context_->target->Apply(DropPartition{target, name}));
    std::erase(actual->partitions, name);
    actual->loaded_partitions.erase(name);
  }
  return OkStatus();
}

// A collection with a partition key got its partitions when it was created, so this finds none.
Result<bool> PartitionReconciler::CreateMissing(const Collection& source,
                                                TargetCollection* actual) {
  if (context_->ignore_partition) {
    return false;
  }
  const std::vector<Ddl> missing = PlanPartitions(source, (*record_)->target, *actual);
  for (const Ddl& ddl : missing) {
    CDC_RETURN_IF_ERROR(context_->target->Apply(ddl));
    actual->partitions.push_back(std::get<CreatePartition>(ddl).partition);
  }
  return !missing.empty();
}

void PartitionReconciler::AddToGate(const Collection& source,
                                    const TargetCollection& actual,
                                    RowGate* gate) const {
  const std::map<PartitionId, std::string>& known = (*record_)->partitions;
  for (const Partition& partition : source.partitions) {
    const std::string name = TargetPartition(source, partition, actual);
    // The target's partition of this name may be an older one that is still being removed.
    const bool taken = std::any_of(removals_.begin(), removals_.end(), [&](const auto& each) {
      return each.first != partition.id && known.at(each.first) == partition.name;
    });
    if (HasPartition(actual, name) && !taken) {
      gate->partitions.insert(partition.id);
      gate->names[partition.id] = name;
    }
  }
  // A partition that is being removed still receives its last rows.
  for (const auto& [partition, removal] : removals_) {
    gate->partitions.insert(partition);
    gate->names[partition] = known.at(partition);
  }
}

void PartitionReconciler::DiscardGone(const Collection& source,
                                      const std::set<PartitionId>& waiting) const {
  if (ManagesNone(source)) {
    return;
  }
  for (const PartitionId partition : waiting) {
    if (partition != kAllPartitions && source.FindPartition(partition) == nullptr &&
        !(*record_)->partitions.contains(partition)) {
      context_->gates->DiscardPartition(source.id, partition);
    }
  }
}

}  // namespace cdc
