#include "reconcile/partition_reconciler.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "reconcile/plan/plan.h"

namespace cdc {
namespace {

// Whether the partition has to be released before it can be dropped.
bool IsLoaded(const TargetCollection& actual, const std::string& partition) {
  return actual.loads_partitions && actual.loaded_partitions.contains(partition);
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
  const std::map<PartitionId, std::string> known = (*record_)->partitions;
  for (const auto& [partition, name] : known) {
    if (Exists(source.FindPartition(partition))) {
      removals_.erase(partition);
      continue;
    }
    CDC_ASSIGN_OR_RETURN(const bool removed, Remove(partition, *actual, wanted));
    if (!removed) {
      continue;
    }
    // The removal stays open until the store has forgotten the partition.
    auto next = **record_;
    next.partitions.erase(partition);
    CDC_RETURN_IF_ERROR(record_->Save(std::move(next)));
    removals_.erase(partition);
    CDC_RETURN_IF_ERROR(on_removed());
  }
  return OkStatus();
}

Result<std::set<std::string>> PartitionReconciler::RecordNew(const Collection& source) {
  std::set<std::string> wanted;
  auto next = **record_;
  for (const Partition& partition : source.partitions) {
    if (Exists(&partition)) {
      next.partitions.try_emplace(partition.id, partition.name);
      wanted.insert(partition.name);
    } else if (!next.partitions.contains(partition.id)) {
      context_->gates->DiscardPartition(source.id, partition.id);  // removed before it was made
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
    CDC_ASSIGN_OR_RETURN(Removal begun, Removal::Begin(context_->log, record.pchannels));
    removal = removals_.emplace(partition, std::move(begun)).first;
  }
  // Of several lives of a name that are over the last one is dropped, and takes the rows of all.
  const bool left_to_later = !HasPartition(actual, name) ||
                             std::any_of(std::next(record.partitions.find(partition)),
                                         record.partitions.end(), [&](const auto& later) {
                                           return later.second == name && !wanted.contains(name);
                                         });
  const bool at_once = wanted.contains(name) || left_to_later;
  RowGates& gates = *context_->gates;
  if (!at_once && !(removal->second.HasReadAll(*context_->routes) &&
                    gates.PartitionIdle(record.id, partition))) {
    return false;
  }
  gates.DiscardPartition(record.id, partition);
  if (!gates.PartitionIdle(record.id, partition)) {
    return false;
  }
  if (!left_to_later) {
    if (IsLoaded(actual, name)) {
      CDC_RETURN_IF_ERROR(context_->target->Apply(ReleasePartitions{record.target, {name}}));
    }
    CDC_RETURN_IF_ERROR(context_->target->Apply(DropPartition{record.target, name}));
  }
  return true;
}

Status PartitionReconciler::CreateMissing(const Collection& source, TargetCollection* actual) {
  if (context_->ignore_partition) {
    return OkStatus();
  }
  for (const Ddl& ddl : PlanPartitions(source, (*record_)->target, *actual)) {
    CDC_RETURN_IF_ERROR(context_->target->Apply(ddl));
    actual->partitions.push_back(std::get<CreatePartition>(ddl).partition);
  }
  return OkStatus();
}

void PartitionReconciler::AddToGate(const Collection& source,
                                    const TargetCollection& actual,
                                    RowGate* gate) const {
  const std::map<PartitionId, std::string>& known = (*record_)->partitions;
  for (const Partition& partition : source.partitions) {
    const std::string name = TargetPartition(source, partition, actual);
    // What is there may be an older partition of this name that is being removed.
    const bool taken = std::any_of(removals_.begin(), removals_.end(), [&](const auto& each) {
      return each.first != partition.id && known.at(each.first) == partition.name;
    });
    if (HasPartition(actual, name) && !taken) {
      gate->partitions.insert(partition.id);
      gate->names[partition.id] = name;
    }
  }
  // A partition that is being removed still takes its last rows.
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
