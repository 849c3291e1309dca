#include <algorithm>
#include <utility>

#include <spdlog/spdlog.h>

#include "base/fault_point.h"
#include "reconcile/plan.h"
#include "reconcile/reconciler.h"

// How the reconciler makes a collection of the target like the source's.
namespace cdc {
namespace {

constexpr int kMaxPlans = 4;

bool Contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Status Reconciler::Ensure(CollectionId id, Entry& entry) {
  CDC_ASSIGN_OR_RETURN(const bool named, FollowName(id, entry));
  if (!named) {
    return OkStatus();  // looked at again as long as it is not done
  }
  std::set<CollectionId> moving{id};
  CDC_RETURN_IF_ERROR(FreeName(id, entry.target, &moving));
  CDC_RETURN_IF_ERROR(Prepare(id, entry));
  if (!parts_.ignore_partition) {
    CDC_RETURN_IF_ERROR(CheckPartitions(*entry.source, entry.target, *entry.actual));
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
  const bool again =
      entry.refused_again && std::chrono::steady_clock::now() >= *entry.refused_again;
  if (entry.done != source || again) {
    // What is wanted no longer is tried anew if it is wanted once more.
    const auto& wanted = source->properties;
    std::erase_if(entry.refused_properties, [&wanted](const auto& each) {
      return std::find(wanted.begin(), wanted.end(), each.first) == wanted.end();
    });
    CDC_RETURN_IF_ERROR(Converge(entry));
    entry.done = source;
  }
  return OkStatus();
}

// Brings all that is beside the rows to what the source has. A change may have effects of its own
// (Milvus Lite loads what gets an index), so it looks again until nothing is left to do, or until
// the target stays as it is.
Status Reconciler::Converge(Entry& entry) {
  std::map<std::string, Status> refused;  // by what is missing
  std::vector<Ddl> before;
  for (int round = 0; round < kMaxPlans; ++round) {
    const PlanOptions options{.partitions = !parts_.ignore_partition,
                              .indexes = parts_.sync_index,
                              .load = parts_.sync_load,
                              .refused_replicas = entry.refused_replicas};
    std::vector<Ddl> plan = PlanCollection(*entry.source, entry.target, *entry.actual, options);
    if (plan.empty()) {
      break;
    }
    if (plan == before) {
      TakeAsSet(plan, entry);
      break;
    }
    for (const Ddl& ddl : plan) {
      CDC_RETURN_IF_ERROR(ApplyInPlan(ddl, entry, &refused));
    }
    CDC_RETURN_IF_ERROR(LookAgain(entry));
    before = std::move(plan);
  }
  TellRefused(entry, std::move(refused));
  return OkStatus();
}

// One change of a plan; a refusal that the rows need not mind is noted and no error.
Status Reconciler::ApplyInPlan(const Ddl& ddl,
                               Entry& entry,
                               std::map<std::string, Status>* refused) {
  if (const auto* drop = std::get_if<DropAlias>(&ddl); drop != nullptr) {
    // It may have gone to another collection.
    CDC_ASSIGN_OR_RETURN(const auto now, DescribeTarget(entry.target));
    if (!now.has_value() || !Contains(now->aliases, drop->alias)) {
      return OkStatus();
    }
  }
  const Status applied = Apply(ddl);
  const std::string missing = WithoutIt(ddl);
  if (applied.ok() || IsRetryable(applied) || applied.code() == StatusCode::kCancelled ||
      missing.empty()) {
    return applied;
  }
  refused->try_emplace(missing, applied);
  if (const auto* alter = std::get_if<AlterCollection>(&ddl); alter != nullptr) {
    for (const KeyValue& property : alter->properties) {
      entry.refused_properties[property] = applied;
    }
  }
  const auto* whole = std::get_if<LoadCollection>(&ddl);
  const auto* parts = std::get_if<LoadPartitions>(&ddl);
  const int replicas = whole != nullptr ? whole->replicas : parts != nullptr ? parts->replicas : 0;
  if (replicas > 1) {
    entry.refused_replicas = replicas;
    entry.refused_load = applied;
  }
  return OkStatus();
}

// The target has accepted them and shows them not: they are not set again.
void Reconciler::TakeAsSet(const std::vector<Ddl>& plan, Entry& entry) {
  for (const Ddl& ddl : plan) {
    if (const auto* alter = std::get_if<AlterCollection>(&ddl); alter != nullptr) {
      for (const KeyValue& property : alter->properties) {
        entry.refused_properties.try_emplace(property, OkStatus());
      }
    }
  }
}

// What was refused and may be taken later is tried again; what would interrupt the search each time
// only if the source changes it.
void Reconciler::TellRefused(Entry& entry, std::map<std::string, Status> refused) {
  entry.refused_again.reset();
  if (refused.empty()) {
    entry.refused_backoff.Reset();
  } else if (refused.size() > 1 || !refused.contains(kPropertiesOf)) {
    entry.refused_again = std::chrono::steady_clock::now() + entry.refused_backoff.Next();
  }
  for (const auto& [property, status] : entry.refused_properties) {
    if (!status.ok()) {
      refused.try_emplace(kPropertiesOf, status);
    }
  }
  if (entry.refused_replicas > 0 && entry.source->load.loaded &&
      entry.source->load.replicas >= entry.refused_replicas) {
    refused.try_emplace(kSearchOn, entry.refused_load);
  }
  std::string text;
  for (const std::string& thing : ThingsBesideRows()) {
    const auto found = refused.find(thing);
    const Status status = found == refused.end() ? OkStatus() : found->second;
    parts_.conditions->SetWaiting(thing + " " + entry.target.ToString(), status);
    text +=
        status.ok() ? "" : thing + " " + entry.target.ToString() + ": " + status.ToString() + "; ";
  }
  if (!text.empty() && text != entry.refused_text) {
    spdlog::warn("task={} {}the rows go on", parts_.task_id, text);
  }
  entry.refused_text = std::move(text);
}

Status Reconciler::Apply(const Ddl& ddl) {
  if (stop_.stop_requested()) {
    return CancelledError("the task stops");
  }
  FaultPoint("before_ddl." + KindName(ddl));
  CDC_RETURN_IF_ERROR(parts_.target->metadata().Apply(ddl, stop_).WithContext(Describe(ddl)));
  FaultPoint("after_ddl." + KindName(ddl));
  spdlog::info("task={} {}", parts_.task_id, Describe(ddl));
  return OkStatus();
}

Result<std::optional<TargetCollection>> Reconciler::DescribeTarget(const CollectionName& name) {
  if (stop_.stop_requested()) {
    return CancelledError("the task stops");
  }
  return parts_.target->metadata().catalog()->DescribeCollection(name, stop_);
}

// The target's collection as it is, but for what it cannot show or has refused.
Status Reconciler::Look(Entry& entry) {
  CDC_ASSIGN_OR_RETURN(entry.actual, DescribeTarget(entry.target));
  if (!entry.actual.has_value()) {
    return OkStatus();
  }
  CDC_RETURN_IF_ERROR(Claim(entry));
  for (const auto& [property, status] : entry.refused_properties) {
    entry.actual->properties.push_back(property);
  }
  // It has none of the source's partitions.
  entry.actual->loads_partitions = entry.actual->loads_partitions && !parts_.ignore_partition;
  return OkStatus();
}

// Makes the collection exist on the target and learns what it is like there.
Status Reconciler::Prepare(CollectionId id, Entry& entry) {
  if (entry.actual.has_value()) {
    return OkStatus();
  }
  const CollectionName source{catalog_->DatabaseName(entry.source->database), entry.source->name};
  CDC_RETURN_IF_ERROR(CheckKeyField(*entry.source, source, traits_));
  CDC_RETURN_IF_ERROR(Look(entry));
  if (entry.actual.has_value()) {
    CDC_RETURN_IF_ERROR(CheckFits(*entry.source, entry.target, *entry.actual, traits_));
  } else if (entry.seen_on_target) {
    // Made again it would look well and lack all rows up to now.
    return NotFoundError(
        "has been removed from the target, and its rows up to now with it; delete the task and "
        "create it again with start_from earliest, or make the collection there by hand and resume "
        "to go on without those rows");
  }
  if (!entry.on_target) {
    // Before it is made: a crash in between must not leave one that nobody knows of.
    entry.on_target = true;
    if (!entry.actual.has_value()) {
      entry.may_hold_until = {};  // it is made empty
    }
    const Status recorded = Record(id, entry);
    entry.on_target = recorded.ok();
    CDC_RETURN_IF_ERROR(recorded);
    if (entry.may_hold_until > Timestamp{}) {
      spdlog::info(
          "task={} collection {} was on the target before the task: rows of up to now are upserted",
          parts_.task_id, entry.target.ToString());
    }
  }
  if (!entry.actual.has_value()) {
    CDC_RETURN_IF_ERROR(MakeOnTarget(entry));
  }
  if (!entry.seen_on_target) {
    entry.seen_on_target = true;
    const Status recorded = Record(id, entry);
    entry.seen_on_target = recorded.ok();  // else it is recorded the next time
    return recorded;
  }
  return OkStatus();
}

Status Reconciler::MakeOnTarget(Entry& entry) {
  CDC_RETURN_IF_ERROR(EnsureDatabase(entry.target.database));
  CDC_RETURN_IF_ERROR(Apply(PlanCreate(*entry.source, entry.target, traits_)));
  CDC_RETURN_IF_ERROR(Look(entry));
  if (!entry.actual.has_value()) {
    return UnavailableError("created, and not yet visible on the target");
  }
  return CheckFits(*entry.source, entry.target, *entry.actual, traits_);
}

Status Reconciler::LookAgain(Entry& entry) {
  CDC_RETURN_IF_ERROR(Look(entry));
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
      .seen_on_target = entry.seen_on_target,
      .may_hold_until = entry.may_hold_until,
      .renamed_from = entry.renamed_from,
      .partitions = {}};
  for (const auto& [partition, known] : entry.partitions) {
    record.partitions[partition] = known.name;
  }
  CDC_RETURN_IF_ERROR(parts_.store->PutCollection(parts_.task_id, record));
  FaultPoint("after_put_collection");
  entry.recorded = true;
  return OkStatus();
}

void Reconciler::OpenGate(CollectionId id, const Entry& entry) {
  RowGate gate;
  gate.target = entry.target;
  gate.primary_key = entry.source->schema.PrimaryKey()->name;
  gate.function_outputs = entry.source->schema.FunctionOutputs();
  gate.may_hold_until = entry.may_hold_until;
  gate.partition_key = entry.source->schema.HasPartitionKey() || parts_.ignore_partition;
  for (const Partition& partition : entry.source->partitions) {
    const std::string name = TargetPartition(*entry.source, partition, *entry.actual);
    const bool on_target = HasPartition(*entry.actual, name);
    // What is there may be an older partition of this name that is being removed.
    const bool taken =
        std::any_of(entry.partitions.begin(), entry.partitions.end(), [&](const auto& each) {
          return each.first != partition.id && each.second.name == partition.name &&
                 each.second.removal.has_value();
        });
    if (on_target && !taken) {
      gate.partitions.insert(partition.id);
      gate.names[partition.id] = name;
    }
  }
  // A partition that is being removed still takes its last rows.
  for (const auto& [partition, known] : entry.partitions) {
    if (known.removal.has_value()) {
      gate.partitions.insert(partition);
      gate.names[partition] = known.name;
    }
  }
  parts_.gates->Open(id, std::move(gate));
}

}  // namespace cdc
